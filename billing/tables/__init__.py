"""Lists as they are drawn: columns, sorting, pages. The rows come from balances and reports."""
