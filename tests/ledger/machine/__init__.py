"""The verbs beside a plain model of the rules: what somebody may do at the desk, and what has to hold then.

`clinic` does each act twice, at the ledger and in the `model`; `insurers` and `acts` are what may happen;
`desk` says what is looked at after each.
"""
