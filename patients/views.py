"""Who the patients are: finding one, registering one, and one patient's own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from patients.forms import CoverageForm, PatientForm, PatientSearchForm
from patients.http import DeskRequest, atomic_post
from patients.models import Coverage, Patient
from patients.searching import LIST, address_of
from patients.summary import error_summary, errors_of
from patients.tables import PatientTable

FOLDER = "patients/patients"


@require_safe
def patient_list(request: DeskRequest) -> HttpResponse:
    """All patients by name, or those that were searched for.

    Who types a whole chart number and presses Enter goes straight to that account.
    """
    form = PatientSearchForm(request.GET)
    in_page = request.htmx
    patients = Patient.objects.by_name()
    typed = ""
    if form.is_valid():
        typed = form.cleaned_data["q"]
        patients = patients.search(typed)
        exact = None if in_page else _of_chart(typed)
        if exact:
            return redirect(exact)
    else:
        patients = patients.none()
    context = {
        "form": form,
        "typed": typed,
        "table": PatientTable(patients.prefetch_related(_covered_today())).shown_for(request),
    }
    page = "_list" if in_page else "list"
    return render(request, f"{FOLDER}/{page}.html", context)


@require_POST
def search(request: DeskRequest) -> HttpResponse:
    """Every search box of a list posts here, and is led to the list (patients/searching.py)."""
    to = request.POST.get(LIST, "")
    if not url_has_allowed_host_and_scheme(to, allowed_hosts=None) or not to.startswith("/"):
        to = "/"
    return redirect(address_of(to.partition("?")[0], request.POST))


@require_safe
def patient_detail(request: DeskRequest, chart: str) -> HttpResponse:
    """One patient: who they are, how to reach them, who pays and who insures them."""
    patient = _patient(chart)
    family = list(patient.family())
    context = {
        "patient": patient,
        "dependents": [] if patient.guarantor else family[1:],
        "coverages": patient.coverages.select_related("payer").order_by("rank", "start", "id"),
    }
    return render(request, f"{FOLDER}/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@atomic_post
def patient_new(request: DeskRequest) -> HttpResponse:
    """Register a patient, with the primary coverage if there is one."""
    posted = _posted(request)
    form = PatientForm(posted, initial=_as_in_the_family(request))
    insurance = CoverageForm(posted, patient=None, may_be_empty=True)
    if posted is not None and form.is_valid() & insurance.is_valid():
        patient = form.save()
        if not insurance.nothing_typed:
            insurance.instance.patient = patient
            insurance.save()
        messages.success(request, f"Registered {patient.name} as {patient.chart_number}.")
        if posted.get("action") == "session":
            return redirect("billing:session_new", patient.chart_number)
        return redirect(patient)
    return _form_page(request, "new", {"form": form, "insurance": insurance})


@require_http_methods(["GET", "HEAD", "POST"])
@atomic_post
def patient_edit(request: DeskRequest, chart: str) -> HttpResponse:
    """Another name, address or guarantor. The chart number stays."""
    patient = _patient(chart)
    form = PatientForm(_posted(request), instance=patient)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, f"Saved. {patient.name} ({patient.chart_number}).")
        return redirect("patients:patient_detail", chart)
    return _form_page(request, "edit", {"form": form, "patient": _patient(chart)})


@require_http_methods(["GET", "HEAD", "POST"])
@atomic_post
def coverage_new(request: DeskRequest, chart: str) -> HttpResponse:
    """Another policy of the patient."""
    patient = _patient(chart)
    form = CoverageForm(_posted(request), patient=patient, initial=_next_rank(patient))
    return _coverage(request, patient, form, "coverage_new")


@require_http_methods(["GET", "HEAD", "POST"])
@atomic_post
def coverage_edit(request: DeskRequest, chart: str, pk: int) -> HttpResponse:
    """Correct a policy, or end it. It is not deleted: what was billed to it stays explained."""
    patient = _patient(chart)
    coverage = get_object_or_404(patient.coverages.select_related("payer"), pk=pk)
    form = CoverageForm(_posted(request), patient=patient, instance=coverage)
    return _coverage(request, patient, form, "coverage_edit")


# ---------------------------------------------------------------------------- what they share


def _patient(chart: str) -> Patient:
    return get_object_or_404(Patient.objects.select_related("guarantor"), chart_number=chart)


def _posted(request: DeskRequest) -> QueryDict | None:
    """What was sent, also where every box was left out of it."""
    return request.POST if request.method == "POST" else None


def _coverage(
    request: DeskRequest, patient: Patient, form: CoverageForm, page: str
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        coverage = form.save()
        said = f"Saved. {coverage.payer.name} is {coverage.rank_name.lower()}."
        if form.other and form.day_before:
            said += f" {form.other.payer.name} ends on {form.day_before:%d %b %Y}."
        messages.success(request, said)
        return redirect("patients:patient_detail", patient.chart_number)
    return _form_page(request, page, {"form": form, "patient": patient})


def _form_page(request: DeskRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    """The form; where it was refused, with the summary of what to fix."""
    forms = [context[name] for name in ("form", "insurance") if name in context]
    if any(form.errors for form in forms):
        what = "coverage" if page.startswith("coverage") else "patient"
        problems = errors_of(*forms)
        context["error_summary"] = error_summary(f"This {what} is not saved yet.", problems)
    return render(request, f"{FOLDER}/{page}.html", context)


def _as_in_the_family(request: DeskRequest) -> dict[str, Any]:
    """What a new member of a family most likely shares with who pays: `?guarantor=P1042`."""
    payer = _of_chart(request.GET.get("guarantor", ""))
    if not payer:
        return {}
    payer = payer.guarantor or payer
    shared = ("family_name", "phone", "address_line1", "address_line2", "city", "state")
    return {
        "guarantor": payer,
        "postal_code": payer.postal_code,
        **{name: getattr(payer, name) for name in shared},
    }


def _next_rank(patient: Patient) -> dict[str, Any]:
    """Secondary where a primary coverage holds today, and so on."""
    taken = set(patient.coverages.on(timezone.localdate()).values_list("rank", flat=True))
    return {"rank": next((rank for rank in (1, 2) if rank not in taken), 3)}


def _of_chart(typed: str) -> Patient | None:
    return Patient.objects.filter(chart_number=typed.strip().upper()).first()


def _covered_today() -> Prefetch:
    """Today's coverages of the patients on the page, the primary one first."""
    today = Coverage.objects.on(timezone.localdate())
    ranked = today.select_related("payer").order_by("rank", "start", "id")
    return Prefetch("coverages", ranked, to_attr="covered_today")
