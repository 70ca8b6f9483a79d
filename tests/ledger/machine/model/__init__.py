"""The money rules of DESIGN §2 once more, in plain dicts, for the state machine to compare with.

Written from the rules, not from `billing.ledger`; nothing here knows a database. An act either
changes the books or raises Refused (then the books are thrown away: work on a copy).

`rows` is what there is, `sums` what is read off it, `posting` what the verbs are made of; each
stands on the one before, and so do `insurers` and the `books` with all verbs.
"""

from tests.ledger.machine.model.books import Books
from tests.ledger.machine.model.rows import ZERO, Account, Moved, Policy, Refused, Word, WriteOff

__all__ = ["ZERO", "Account", "Books", "Moved", "Policy", "Refused", "Word", "WriteOff"]
