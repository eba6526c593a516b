"""Setting type with the bundled fonts: the one way words get into a picture letter for letter.

The sketch painter draws its headlines with it, and adds its flaws; the typography pass sets what a model garbled.
"""
