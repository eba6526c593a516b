"""Prompt templates and seed sets: versioned files that turn typed variables into a prompt and names into seeds.

Hides the file formats, the filling in and what "released" means in the files. Never decides which version a running
stack has released: that pointer is in the ledger, and a pinned reference (`poster@3`) carries it here.
"""

from shared.prompts.checking import check
from shared.prompts.library import DIRECTORY, Templates, lock, new_version
from shared.prompts.seeds import NamedSeed, Seeds
from shared.prompts.template import Overrides, Rendered, Template
from shared.prompts.variables import Scalar, normalise

__all__ = [
    "DIRECTORY",
    "NamedSeed",
    "Overrides",
    "Rendered",
    "Scalar",
    "Seeds",
    "Template",
    "Templates",
    "check",
    "lock",
    "new_version",
    "normalise",
]
