"""Pickers: the lists under Payer and under Add a patient's sessions. Parts only, never a page.

Asked by POST, so that what is typed, a name mostly, is in no address and no log.
"""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from billing import balances
from patients.http import DeskRequest
from patients.models import Patient, Payer

SHOWN = 8


@require_POST
def find_payers(request: DeskRequest) -> HttpResponse:
    """Payers whose name or ID fits what is typed, each with the method it paid by last."""
    typed = request.POST.get("payer", "").partition(" (")[0]
    payers = list(Payer.objects.filter(active=True).search(typed)[:SHOWN])
    methods = balances.last_methods(payers)
    options = [(payer, methods.get(payer.pk, "")) for payer in payers]
    return render(request, "billing/find/payers.html", {"options": options, "typed": typed})


@require_POST
def find_patients(request: DeskRequest) -> HttpResponse:
    """Patients who fit what is typed, with how much they have unpaid; then everyone."""
    typed = request.POST.get("patient", "").strip()
    patients = list(Patient.objects.search(typed).by_name()[:SHOWN])
    unpaid = balances.unpaid_of(patients)
    options = [(patient, *unpaid.get(patient.pk, (0, None))) for patient in patients]
    options.sort(key=lambda option: not option[1])  # whoever has nothing unpaid comes last
    return render(request, "billing/find/patients.html", {"options": options, "typed": typed})
