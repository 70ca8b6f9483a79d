"""What must be fast, beside the least any program could do: the same work in bare SQL.

`make bench` runs all of it, on SQLite and on PostgreSQL; docs/performance.md has its table.
"""
