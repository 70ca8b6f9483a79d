"""The demo clinic: a plausible practice of invented people, for trying Remit out.

`factories` makes its people and prices, `plan` thinks up what happened in the past fourteen
months, `clinic` writes it down, money only through the ledger's verbs.
"""
