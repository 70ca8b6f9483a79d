"""What happens when things go wrong: `make drill`.

Each drill starts servers of its own (gunicorn, PostgreSQL or a file of SQLite), works at them as
desks do, kills or starves something, and ends in `check_ledger`. None uses pytest-django's
database. `make test` leaves them out; what is quick of the same is tested elsewhere.
"""
