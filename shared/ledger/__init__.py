"""The ledger: everything the pipeline remembers, in one DynamoDB table.

Sole owner of the table's keys: nothing else may know one, and each module here owns the keys of one kind of item.
"""

from __future__ import annotations

from shared.ledger.chain import Amendment
from shared.ledger.claims import Once
from shared.ledger.jobs import Ledger

__all__ = ["Amendment", "Ledger", "Once"]
