"""Typography check: does the image say what the customer asked for?

Hides the engines, the models they load and the comparison of texts. Never decides what happens next: see policy.
"""

from __future__ import annotations

from shared.typography.folding import Case, character_error_rate
from shared.typography.page import Engine
from shared.typography.verifier import run_ocr, verify

__all__ = ["Case", "Engine", "character_error_rate", "run_ocr", "verify"]
