"""What happens when things go wrong: `make drill`.

Each drill starts servers of its own (gunicorn, PostgreSQL or a file of SQLite), works at them as
desks do, kills or starves something, and ends in `check_ledger`. None uses pytest-django's
database. `make test` leaves them out; what is quick of the same is tested elsewhere.

    desks.py         people who look up, take money, share it out and undo it, over HTTP, by the
                     forms of the pages; each writes down what was acknowledged to it
    clinics.py       the demo clinic on either database, and what must be true of it afterwards
    failing_wsgi.py  the faults: workers that die at a COMMIT, a clock that jumps, and protections
                     that are off, so that each drill is shown to find what it looks for
    racing.py        processes that press at the same moment
    load.py          python -m tests.drills.load --desks 20 --minutes 3 --engine postgresql

DRILL_POSTINGS (200), DRILL_ROUNDS (5) and DRILL_SECONDS (15 for races, 60 for load) make them
longer or shorter.
"""
