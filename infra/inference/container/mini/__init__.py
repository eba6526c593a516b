"""mini-fast and mini: a small text-to-image model that runs in the container by onnxruntime alone.

Trained by infra/inference/mini on posters drawn by a program; its card says what it can do.
"""
