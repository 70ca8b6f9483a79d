"""Data of other systems: read whole, checked whole, then posted through the ledger's verbs."""
