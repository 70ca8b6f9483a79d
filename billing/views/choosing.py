"""Which patient is meant by what somebody typed where a single one has to be named."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import redirect, render

from patients.http import DeskRequest
from patients.models import Patient

MOST_FOUND = 20


def choose_patient(request: DeskRequest, title: str, there: Callable[[str], str]) -> HttpResponse:
    """The page that asks for the patient of what is to be entered, and leads on with their chart.

    Asked by POST, so that a name is in no address; a chart number may be in one.
    """
    typed = " ".join(request.POST.get("patient", "").replace("\0", " ").split())[:80]
    found = Patient.objects.meant(typed, most=MOST_FOUND + 1)
    if len(found) == 1:
        return redirect(there(found[0].chart_number))
    problem = ""
    if typed and not found:
        problem = f"No patient fits “{typed}”. Try a chart number like P1042."
    elif request.method == "POST" and not typed:
        problem = "Type a patient's name or chart number."
    elif request.GET.get("patient"):
        problem = "No patient has that chart number. Choose one here."
    context = {
        "title": title,
        "typed": typed,
        "problem": problem,
        "found": [(patient, there(patient.chart_number)) for patient in found[:MOST_FOUND]],
        "more_found": len(found) > MOST_FOUND,
    }
    return render(request, "billing/choose_patient.html", context)
