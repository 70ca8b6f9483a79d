"""A patient's account: balances with each provider, why a credit is negative, and the history."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing import balances, wording
from billing.balances import AccountBalance, HistoryRow
from billing.models.payments import UNDOING
from billing.money import show
from billing.views import notices
from patients.http import DeskRequest
from patients.models import Patient

SHOW = {
    "everything": "Everything",
    "charges": "Charges",
    "payments": "Payments",
    "open": "Open",
    "unallocated": "Unallocated",
}
PER_PAGE = 100  # charges and payments, each with what stands under it
PERIODS = {"90-days": "Last 90 days", "year": "This year", "all": "All"}
HIDDEN = "hidden_notes"
MOST_HIDDEN = 50


@require_http_methods(["GET", "HEAD", "POST"])
def patient_account(request: DeskRequest, chart: str) -> HttpResponse:
    """What the patient owes each provider, what is credit, and everything that led there."""
    patient = get_object_or_404(Patient.objects.select_related("guarantor"), chart_number=chart)
    if request.method == "POST":
        if request.POST.get("action") == "undo":
            notices.undo(request, patient)
        elif request.POST.get("action") == "hide":
            _hide_note(request, patient)
        return redirect(patient)
    accounts = balances.accounts(patient)
    context = {"patient": patient, **_history(request, patient, accounts)}
    if request.htmx and request.htmx.target == "history":
        return render(request, "billing/account/_history.html", context)
    whys = _whys(request, patient, accounts)
    context |= {
        "accounts": accounts,
        "total": balances.total(accounts),
        "dependents": patient.dependents.by_name(),
        "coverages": patient.coverages.on(timezone.localdate()).select_related("payer"),
        "whys": whys,
        "shown_whys": {panel.provider_id for panel, _buttons in whys},
        "undo_tag": notices.undo_tag(request, patient),
    }
    return render(request, "billing/account/patient_account.html", context)


# ---------------------------------------------------------------------------- negative credit


def _whys(
    request: DeskRequest, patient: Patient, accounts: Sequence[AccountBalance]
) -> list[tuple[wording.Why, list[tuple[wording.UnpayButton, uuid.UUID]]]]:
    """The panels that were not hidden, or were asked for again; a key for each of their buttons."""
    found = balances.negative_credits(patient, accounts)
    undoings = balances.undoing_of(payment for each in found for payment, _lines in each.causes)
    hidden = set(request.session.get(HIDDEN, []))
    asked = request.GET.get("why", "")
    panels = [wording.why(each, undoings, patient.given_name) for each in found]
    return [
        (panel, [(button, uuid.uuid4()) for button in panel.buttons])
        for panel in panels
        if _note(patient, panel.provider_id, show(panel.credit)) not in hidden
        or asked == str(panel.provider_id)
    ]


def _hide_note(request: DeskRequest, patient: Patient) -> None:
    """Hidden for exactly this credit: another amount is another note."""
    note = _note(patient, request.POST.get("provider", ""), request.POST.get("credit", ""))
    if len(note) < 60:
        kept = [each for each in request.session.get(HIDDEN, []) if each != note]
        request.session[HIDDEN] = [*kept, note][-MOST_HIDDEN:]


def _note(patient: Patient, provider: int | str, credit: str) -> str:
    return f"{patient.pk}:{provider}:{credit}"


# ---------------------------------------------------------------------------- history


@dataclass(frozen=True)
class Filters:
    """What of the history is shown; unknown words count as not given."""

    show: str
    provider: str
    period: str
    deleted: bool

    @classmethod
    def of(cls, request: DeskRequest) -> Filters:
        show_, period = request.GET.get("show", ""), request.GET.get("period", "")
        return cls(
            show=show_ if show_ in SHOW else "everything",
            provider=request.GET.get("provider", ""),
            period=period if period in PERIODS else "90-days",
            deleted=request.GET.get("deleted") == "1",
        )

    @property
    def since(self) -> datetime.date | None:
        today = timezone.localdate()
        return {
            "90-days": today - datetime.timedelta(days=90),
            "year": today.replace(month=1, day=1),
        }.get(self.period)


def _history(
    request: DeskRequest, patient: Patient, accounts: Sequence[AccountBalance]
) -> dict[str, Any]:
    filters = Filters.of(request)
    of_one = [
        each for each in accounts if each.provider and str(each.provider.pk) == filters.provider
    ]
    provider = of_one[0].provider if of_one else None
    found = balances.HistoryEntries(
        patient,
        provider=provider,
        show=filters.show,
        since=filters.since,
        deleted=filters.deleted,
    )
    page: Page[Any] = Paginator(cast("Any", found), PER_PAGE).get_page(request.GET.get("page"))
    rows: Sequence[HistoryRow] = list(page.object_list)
    undoings = [row.payment for row in rows if row.payment and row.payment.kind in UNDOING]
    answers = balances.answers(row.line for row in rows if row.line)
    return {
        "entries": wording.entries(rows, balances.came_off(undoings), answers),
        "page": page,
        "earlier": found.earlier,
        "foot": _foot(
            filters,
            of_one[0] if of_one else balances.total(accounts),
            earlier=found.earlier,
            pages=page.paginator.num_pages,
        ),
        "filters": filters,
        "provider": provider,
        "providers": [each.provider for each in accounts],
        "shows": SHOW.items(),
        "periods": PERIODS.items(),
    }


def _foot(filters: Filters, account: AccountBalance, *, earlier: int, pages: int) -> dict[str, Any]:
    """The figure under the Balance column, and the claim that the column adds up to it."""
    column = "the Balance column of all pages" if pages > 1 else "the Balance column"
    label, figure, claim = {
        "open": ("Invoices", account.invoices, f"{column} adds up to this"),
        "unallocated": (
            "Unallocated credit",
            account.credit,
            f"{column} adds up to this with the other sign: credit takes off what is owed",
        ),
        "everything": ("Net balance", account.net, f"{column} adds up to this"),
    }.get(filters.show, ("Net balance", account.net, ""))
    return {"label": label, "figure": figure, "claim": "" if earlier else claim}
