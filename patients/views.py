"""Who the patients are: finding one, and one patient's own page."""

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from patients.forms import PatientSearchForm
from patients.models import Coverage, Patient
from patients.tables import PatientTable


@require_safe
def patient_list(request: HttpRequest) -> HttpResponse:
    """All patients by name, or those that were searched for.

    Who types a whole chart number and presses Enter goes straight to that account.
    """
    form = PatientSearchForm(request.GET)
    in_page = request.htmx  # type: ignore[attr-defined]
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
    page = "patients/patients/_list.html" if in_page else "patients/patients/list.html"
    return render(request, page, context)


@require_safe
def patient_detail(request: HttpRequest, chart: str) -> HttpResponse:
    """One patient: who they are and who insures them."""
    patient = get_object_or_404(Patient, chart_number=chart)
    today = timezone.localdate()
    context = {
        "patient": patient,
        "coverages": patient.coverages.select_related("payer").order_by("rank", "start", "id"),
        "covered_today": set(patient.coverages.on(today).values_list("pk", flat=True)),
    }
    return render(request, "patients/patients/detail.html", context)


def _of_chart(typed: str) -> Patient | None:
    return Patient.objects.filter(chart_number__iexact=typed).first() if typed else None


def _covered_today() -> Prefetch:
    """Today's coverages of the patients on the page, the primary one first."""
    today = Coverage.objects.on(timezone.localdate())
    ranked = today.select_related("payer").order_by("rank", "start", "id")
    return Prefetch("coverages", ranked, to_attr="covered_today")
