"""`sketch`: a painter that stands in for an image model where there is no GPU.

It composes a poster from the words of a prompt and a seed. Nothing in it was learned, and everything it makes
says so: `simulated: true` in the reply, a caption in the corner, a text chunk in the PNG.
"""
