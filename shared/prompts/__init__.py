"""Prompt templates: versioned files that turn typed variables into a prompt.

Hides the file format, the filling in and what "released" means. Never decides which version a running stack has
rolled back to: that pointer is in the ledger, and a pinned reference (`poster@3`) carries it here.
"""

from shared.prompts.library import DIRECTORY, Templates, check_lock, lock
from shared.prompts.template import Overrides, Rendered, Template
from shared.prompts.variables import Scalar, normalise

__all__ = [
    "DIRECTORY",
    "Overrides",
    "Rendered",
    "Scalar",
    "Template",
    "Templates",
    "check_lock",
    "lock",
    "normalise",
]
