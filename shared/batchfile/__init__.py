"""Reading the file of a batch: is it one we can take, and what does each of its rows ask for?

Works on bytes that pass by, a range at a time: ten thousand rows take no more memory than a hundred. A cell is data;
nothing here evaluates one. Knows no S3 and no ledger.
"""

from __future__ import annotations

from shared.batchfile.cells import body_of
from shared.batchfile.lines import MAX_ROW_BYTES, BatchRejected
from shared.batchfile.scan import UNREADABLE, Scan, copied, inspect

__all__ = ["MAX_ROW_BYTES", "UNREADABLE", "BatchRejected", "Scan", "body_of", "copied", "inspect"]
