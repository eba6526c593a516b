"""Which weights these are: one digest over the content of every file that is loaded.

Hides what counts as a weight file. sha256 of the files' sha256s, so that a changed byte in any of them is another
revision. Read in four threads while the weights load, from the same page cache: 27 GB at 1.5 GB/s a thread are
about five seconds of hashing (guess; reading the disk takes longer). Nothing is written next to the weights: on
SageMaker the folder is read-only.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

LOADED: Final = (
    "scheduler",
    "text_encoder",
    "text_encoder_2",
    "text_encoder_3",
    "tokenizer",
    "tokenizer_2",
    "tokenizer_3",
    "transformer",
    "vae",
    "adapter",
)
"""The folders read from a folder of weights; the rest (a single-file copy, pictures, a licence) is not looked at."""
_SUFFIXES: Final = {".safetensors", ".json", ".txt", ".model"}
_THREADS: Final = 4


def digest(folder: Path) -> str:
    """sha256 in hex over the names and contents of the files that are loaded."""
    files = sorted(
        path
        for name in LOADED
        for path in (folder / name).glob("*")
        # A half-precision copy beside the full one is never loaded.
        if path.suffix in _SUFFIXES and ".fp16" not in path.name
    )
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="digest") as pool:
        contents = list(pool.map(_sha256, files))
    whole = hashlib.sha256()
    for path, content in zip(files, contents, strict=True):
        whole.update(f"{path.relative_to(folder)}\0{content}\n".encode())
    return whole.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
