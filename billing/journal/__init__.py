"""The journal: balanced double entry, derived from the rows of the books and stored nowhere.

Every row is one entry with one debit and one credit, so the journal balances whatever part of it
is looked at. It says nothing about patients: documents go by their numbers, rows by their ids.

    chart      which account a row is booked on, and what it is called
    booking    which two accounts each kind of row touches, in SQL, once for entries and sums alike
    formats    entries as CSV, for hledger and for beancount

Reads only; `ledger.make_journal_batch` notes what was handed over.
"""

from billing.journal.booking import AccountTotal, Entry, Scope, Trial, count, entries, page, trial
from billing.journal.chart import Account, Chart
from billing.journal.formats import FORMATS, in_format

__all__ = [
    "FORMATS",
    "Account",
    "AccountTotal",
    "Chart",
    "Entry",
    "Scope",
    "Trial",
    "count",
    "entries",
    "in_format",
    "page",
    "trial",
]
