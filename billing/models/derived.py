"""The columns that the database itself keeps: sums and latest dates of other rows."""

ON_PAYMENT = frozenset({"allocated", "returned", "offset", "reversed", "last_date"})
ON_LINE = frozenset({"paid", "adjusted", "last_date"})
