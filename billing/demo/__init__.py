"""The demo clinic: a plausible practice of invented people, for trying Remit out.

`cast` says who there is, `factories` makes people and bills, `plan` thinks up what happened in the
past fourteen months, `clinic` writes it down, money only through the ledger's verbs.
"""
