"""A family's balances: whoever pays, and everybody they pay for."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from billing import balances
from patients.http import DeskRequest
from patients.models import Patient

FOLDER = "billing/family"


@require_safe
def patient_family(request: DeskRequest, chart: str) -> HttpResponse:
    """What each member owes each provider; the patient's own page shows the same part."""
    patient = get_object_or_404(Patient.objects.select_related("guarantor"), chart_number=chart)
    members = balances.members(patient.family())
    context = {
        "patient": patient,
        "head": patient.guarantor or patient,
        "members": members,
        "total": balances.family_total(members),
    }
    page = "_members" if request.htmx else "patient_family"
    return render(request, f"{FOLDER}/{page}.html", context)
