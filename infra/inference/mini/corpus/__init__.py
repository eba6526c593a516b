"""Posters drawn by a program: what mini learns from. The same seed and number give the same poster at any size."""
