"""The audit trail's short addresses: of the clinic, and of one patient. Both are one report."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from patients.http import DeskRequest
from patients.models import Patient

MAY = permission_required("billing.view_auditevent", raise_exception=True)


@require_safe
@MAY
def audit(request: DeskRequest) -> HttpResponse:
    """Who did what in the clinic this month."""
    return redirect(_trail())


@require_safe
@MAY
def patient_audit(request: DeskRequest, chart: str) -> HttpResponse:
    """Who looked at one patient, what was changed, printed and posted, from the beginning."""
    patient = get_object_or_404(Patient, chart_number=chart)
    asked = {"patient": patient.chart_number, "period": "everything"}
    return redirect(f"{_trail()}?{urlencode(asked)}")


def _trail() -> str:
    return reverse("billing:report_detail", args=["audit-trail"])
