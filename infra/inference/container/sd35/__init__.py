"""Stable Diffusion 3.5 from a local folder of weights.

torch is imported by the modules that need it, never by this one: the rest of the container runs without.
"""
