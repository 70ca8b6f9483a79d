"""Who: patients, providers, payers, coverages and sessions. Nothing here knows of money."""
