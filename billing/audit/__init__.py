"""The audit trail: what people did that left no row in the books.

recording.py   keeping an event, also while somebody else is writing for long
looks.py       the middleware: who looked at which patient, who was refused
signing.py     what signing in, second factors and roles report
address.py     where a request comes from

Master data before and after is in billing/models/history.py; all of it as one list is the report
billing/reports/audit_trail.py.
"""
