"""Which patient is meant by what somebody typed where a single one has to be named."""

from __future__ import annotations

import re

from patients.models import Patient

MOST_FOUND = 20


def patients_meant(typed: str) -> list[Patient]:
    """By chart number if there is one in it, as in "Smith, John (P1042)"; otherwise by name.

    One more than are listed, so that the page can say there are more.
    """
    chart = re.search(r"\bP\d{3,10}\b", typed, re.IGNORECASE | re.ASCII)
    if chart:
        exact = list(Patient.objects.filter(chart_number=chart.group().upper()))
        if exact:
            return exact
    return list(Patient.objects.search(typed).by_name()[: MOST_FOUND + 1])
