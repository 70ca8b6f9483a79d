"""Find, and the lists under Payer, under a patient box and under the code of a service.

Asked by POST, so that what is typed, a name mostly, is in no address and no log.
"""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from billing import balances, finding
from billing.models import Service
from patients.http import DeskRequest
from patients.models import Patient, Payer
from patients.searching import SEARCH, unseal

SHOWN = 8


@require_http_methods(["GET", "HEAD", "POST"])
def find_anything(request: DeskRequest) -> HttpResponse:
    """Whatever is typed into Find: the list under the box, or a page of the same links.

    A page that would hold a single thing is not shown: it leads there.
    """
    if request.method == "POST":
        typed = request.POST.get(SEARCH, "")
        groups = finding.find_anything(typed, request.user)
        return render(
            request, "billing/find/_anything.html", {"groups": groups, "typed": typed.strip()}
        )
    typed = unseal(request.GET.get(SEARCH, ""))
    groups = finding.find_anything(typed, request.user)
    only = finding.only_one(groups) if typed else None
    if only:
        return redirect(only.address)
    context = {"groups": groups, "typed": typed.strip()}
    return render(request, "billing/find/anything.html", context)


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
    """Patients who fit what is typed, with how much they have unpaid; then everyone.

    On an insurer's payment what counts is unpaid with this insurer.
    Under Guarantor, and where a box says so, the same without everyone: one person is meant there.
    """
    one = "guarantor" in request.POST
    everyone = not one and request.POST.get("everyone") != "no"
    typed = request.POST.get("guarantor" if one else "patient", "").strip()
    patients = list(Patient.objects.search(typed).by_name()[:SHOWN])
    payer = Payer.objects.named(request.POST.get("payer", ""))
    unpaid = balances.unpaid_of(patients, payer=payer)
    elsewhere = balances.unpaid_of(patients) if payer else {}
    options = [
        (patient, *unpaid.get(patient.pk, (0, None)), elsewhere.get(patient.pk))
        for patient in patients
    ]
    options.sort(key=lambda option: not option[1])  # whoever has nothing unpaid comes last
    context = {
        "options": options,
        "typed": typed,
        "one": one,
        "everyone": everyone,
        "means_everyone": not typed or _means_everyone(typed.lower()),
    }
    return render(request, "billing/find/patients.html", context)


def _means_everyone(typed: str) -> bool:
    """Whether Enter takes everyone's sessions: "ev" and more of the word, but for what is a name."""
    return len(typed) > 1 and typed != "eve" and "everyone".startswith(typed)


@require_POST
def find_services(request: DeskRequest) -> HttpResponse:
    """Services whose code or description fits what is typed in the code box of a row."""
    box, typed = next(
        (
            (name, str(text).strip())
            for name, text in request.POST.items()
            if name.endswith("-code")
        ),
        ("code", ""),
    )
    services = Service.objects.filter(active=True).search(typed)[:SHOWN] if typed else []
    context = {"services": services, "typed": typed, "box": box[:40]}
    return render(request, "billing/find/services.html", context)
