"""Who looked at which patient, and who was refused: noted by a middleware after the page is made.

The one exception from "GET never writes" (docs/decisions/0018). Whole pages are noted each time they are
opened. What htmx fetches is mostly a part of the same page; it is noted unless this person's look at the
same patient was, a few minutes ago. The server remembers that: a header that says htmx hides nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from django.apps import apps
from django.core.cache import caches
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch

from billing.audit.address import client_address
from billing.audit.recording import record
from billing.models import Adjustment, Document, EventKind, Invoice, Payment
from patients.models import Patient, Session

SAME_LOOK = 600  # seconds
Found = int | None
Kwargs = Mapping[str, Any]


def _by_chart(kwargs: Kwargs) -> Found:
    return _first(Patient.objects.filter(chart_number=kwargs["chart"]), "pk")


def _of(
    model: type[models.Model], field: str, path: str = "patient_id"
) -> Callable[[Kwargs], Found]:
    def find(kwargs: Kwargs) -> Found:
        value = kwargs["number" if field == "number" else "pk"]
        return _first(model._default_manager.filter(**{field: value}), path)

    return find


def _first(rows: models.QuerySet[Any], path: str) -> Found:
    found: Found = rows.order_by().values_list(path, flat=True).first()
    return found


_payment, _invoice = _of(Payment, "number"), _of(Invoice, "number")
# Pages that are somebody's, but do not say whose in their address, by the names of their urls.
WHOSE: dict[str, Callable[[Kwargs], Found]] = {
    "billing:session_edit": _of(Session, "pk"),
    "billing:invoice_draft": _of(Invoice, "pk"),
    "billing:write_off_undo": _of(Adjustment, "pk", "line__patient_id"),
    "billing:document_detail": _of(Document, "number"),
    **dict.fromkeys(
        (
            "billing:payment_detail",
            "billing:payment_reverse",
            "billing:payment_void",
            "billing:payment_receipt",
            "billing:payment_correct",
            "billing:payment_refund",
            "billing:refund_undo",
            "billing:payment_transfer",
        ),
        _payment,
    ),
    **dict.fromkeys(
        ("billing:invoice_detail", "billing:invoice_void", "billing:line_responsibility"), _invoice
    ),
}
# Pages that show several patients' things: that they were opened is kept, but nobody by name.
OF_SEVERAL = {
    "billing:insurance_payment_detail",
    "billing:era_file",
    "billing:era_undo",
    "billing:remittance_detail",
    "billing:remittance_row",
    "billing:remittance_undo",
    "billing:unmatched_claim",
    "billing:payer_account",
    "billing:deposit_detail",
    "billing:statement_batch_detail",
    "billing:import_check",
}
# What comes as a PDF, to be printed. A deposit slip is kept as an export (billing/exports.py).
PRINTED = {"billing:document_detail", "billing:statement_batch_detail"}
ANSWERED = {200, 304}


class Looks:
    """Notes each page that shows something of a patient, and each request that was refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        match = request.resolver_match
        if not match:
            return response
        if response.status_code == 403:
            if request.user.is_authenticated:
                self._note(request, EventKind.REFUSED, None)
        elif response.status_code in ANSWERED and request.method != "HEAD":
            self._looked(request, match)
        return response

    def _looked(self, request: HttpRequest, match: ResolverMatch) -> None:
        name = match.view_name
        chart = request.GET.get("patient", "") if name == "billing:report_detail" else ""
        find: Callable[[Kwargs], Found]
        if "chart" in match.kwargs or chart:
            find = _by_chart
        elif name in WHOSE:
            find = WHOSE[name]
        elif name in OF_SEVERAL:
            find = _nobody
        elif match.namespace == "admin" and "object_id" in match.kwargs:
            find = _of_admin(match)
        else:
            return
        if not request.user.is_authenticated:  # asked last: most addresses need no session for this
            return
        kwargs = {"chart": chart.strip().upper()[:12]} if chart else match.kwargs
        if not self._is_news(request, kwargs.get("chart") or request.path):
            return
        patient = find(kwargs)
        if patient is None and find is not _nobody and name not in WHOSE:
            return  # the admin's page of something that is no patient's
        self._note(request, EventKind.PRINTED if name in PRINTED else EventKind.LOOKED, patient)

    def _is_news(self, request: HttpRequest, of: str) -> bool:
        """Whether it is to be noted: always a page that was opened; a part of one where nothing of
        the same patient was looked at just now. (Hashed: a shared cache takes not every address.)"""
        key = f"looked:{request.user.pk}:{hashlib.sha256(of.encode()).hexdigest()}"
        seen = bool(caches["worker"].get(key))
        caches["worker"].set(key, True, SAME_LOOK)
        again = request.method != "GET" or bool(getattr(request, "htmx", False))
        return not (again and seen)

    def _note(self, request: HttpRequest, kind: EventKind, patient: Found) -> None:
        record(
            kind,
            user=request.user,
            patient=patient,
            what=f"{request.method} {request.path}" if kind == EventKind.REFUSED else request.path,
            address=client_address(request),
        )


def _nobody(kwargs: Kwargs) -> Found:
    return None


def _of_admin(match: ResolverMatch) -> Callable[[Kwargs], Found]:
    """Whose row of the administration it is: a patient, or something that names one."""

    def find(kwargs: Kwargs) -> Found:
        label = (match.url_name or "").rpartition("_")[0]
        model = next(
            (m for m in apps.get_models() if f"{m._meta.app_label}_{m._meta.model_name}" == label),
            None,
        )
        if model is None or not str(kwargs["object_id"]).isdecimal():
            return None
        path = "pk" if model is Patient else _path_to_patient(model)
        return _first(model._default_manager.filter(pk=kwargs["object_id"]), path) if path else None

    return find


def _path_to_patient(model: type[models.Model]) -> str:
    for name in ("patient", "line"):
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        if field.related_model is Patient:
            return "patient_id"
        if name == "line":
            return "line__patient_id"
    return ""
