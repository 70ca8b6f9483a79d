"""New invoice, and drafts: put together, changed, discarded or issued."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing import balances, charging, ledger
from billing.forms.base import error_summary, errors_of
from billing.forms.charges import ChargeRows
from billing.forms.grid import line_id
from billing.forms.invoices import DraftForm
from billing.models import Invoice
from billing.money import show_dollars
from billing.views import notices
from billing.views.choosing import choose_patient
from billing.views.grid_answers import live_rows
from patients.http import DeskRequest
from patients.models import Patient, Session

FOLDER = "billing/invoices"
NOT_SAVED = "This invoice is not saved yet."
NOTHING = "Choose a session or enter a line."
GONE = "A session that was chosen is not there any more: somebody deleted it. Check the others."


@require_http_methods(["GET", "HEAD", "POST"])
def invoice_new(request: DeskRequest) -> HttpResponse:
    """A patient's unbilled sessions, and whatever else is to be on the invoice."""
    patient = Patient.objects.filter(chart_number=request.GET.get("patient", "")[:12]).first()
    if patient is None:
        url = reverse("billing:invoice_new")
        return choose_patient(request, "New invoice", lambda chart: f"{url}?patient={chart}")
    unbilled = balances.unbilled(patient.sessions.select_related("patient", "provider"))
    sessions = [
        row for row in balances.session_rows(unbilled.order_by("date", "id")) if row.billable
    ]
    form = DraftForm(request.POST or None)
    rows = _free_rows(request, patient)
    chosen = _chosen(request, sessions)
    rows.besides = [
        (line.amount, line.payer)
        for row in sessions
        if row.session.pk in chosen
        for line in row.lines
    ]
    context = {"patient": patient, "sessions": sessions, "chosen": chosen}
    if request.method != "POST":
        return _page(request, "new", form, rows, context)
    action = request.POST.get("action")
    if action not in ("save", "issue"):
        return _live(request, "new", form, rows, context)
    problems = rows.problems(nothing="" if chosen else NOTHING)
    if not form.is_valid() or problems:
        return _page(request, "new", form, rows, context, problems)
    billed = list(Session.objects.filter(pk__in=chosen).select_related("patient"))
    if len(billed) < len(set(chosen)):
        form.add_error(None, GONE)
        return _page(request, "new", form, rows, context, [])
    try:
        posted = ledger.draft_invoice(
            by=request.user,
            patient=patient,
            sessions=billed,
            charges=rows.charges,
            issue_on=form.cleaned_data["date"] if action == "issue" else None,
            key=form.cleaned_data["key"],
        )
    except ledger.LedgerError as error:
        form.refuse(error)
        return _page(request, "new", form, rows, context, [])
    return _saved(request, posted, patient)


@require_http_methods(["GET", "HEAD", "POST"])
def invoice_draft(request: DeskRequest, pk: int) -> HttpResponse:
    """A draft: its lines are changed, it is discarded, or it is issued."""
    invoice = get_object_or_404(Invoice.objects.select_related("patient", "created_by"), pk=pk)
    if invoice.number:
        if request.method == "POST" and request.POST.get("action") in ("save", "issue", "discard"):
            return _answer_issued(request, invoice)
        return redirect("billing:invoice_detail", invoice.number)
    related = ("service", "payer", "provider", "session", "patient")
    lines = list(invoice.lines.select_related(*related).order_by("service_date", "pk"))
    form = DraftForm(request.POST or None)
    rows = ChargeRows(
        patient=invoice.patient,
        data=request.POST if request.method == "POST" else None,
        lines=lines,
        day=form.fields["date"].initial(),
        provider=lines[-1].provider if lines else None,
        free=True,
        blank=len(lines) + 1,
        typing=request.POST.get("action") not in ("save", "issue"),
    )
    seen = request.POST.get("seen", "")[:40] or charging.seen(lines)
    sessions = {line.session_id for line in lines if line.session_id}
    context = {
        "invoice": invoice,
        "patient": invoice.patient,
        "seen": seen,
        "only_session": next(iter(sessions)) if len(sessions) == 1 else None,
        "can_discard": len(sessions) != 1 or any(line.session_id is None for line in lines),
    }
    if request.method != "POST":
        return _page(request, "draft", form, rows, context)
    action = request.POST.get("action")
    if action not in ("save", "issue", "discard"):
        return _live(request, "draft", form, rows, context)
    if form.is_valid() and form.sent_before(request.user):
        messages.success(request, "This invoice was already saved.")
        return redirect("billing:invoice_draft", pk)
    problems = [] if action == "discard" else rows.problems(nothing="A draft needs a line.")
    if not form.is_valid() or problems:
        return _page(request, "draft", form, rows, context, problems)
    try:
        if action == "discard":
            ledger.discard_draft(
                by=request.user, invoice=invoice, seen_lines=seen, key=form.cleaned_data["key"]
            )
            notices.saved(
                request, "Draft discarded.", "Sessions that were on it wait to be billed."
            )
            return redirect("billing:invoice_list")
        posted = ledger.change_draft(
            by=request.user,
            invoice=invoice,
            seen_lines=seen,
            charges=rows.charges,
            issue_on=form.cleaned_data["date"] if action == "issue" else None,
            key=form.cleaned_data["key"],
        )
    except ledger.StaleDraftError as error:
        messages.error(request, str(error))
        return redirect("billing:invoice_draft", pk)
    except ledger.LedgerError as error:
        form.refuse(error)
        return _page(request, "draft", form, rows, context, [])
    return _saved(request, posted, invoice.patient)


def _answer_issued(request: DeskRequest, invoice: Invoice) -> HttpResponse:
    """A draft that is issued by now: by this very form, or by somebody else."""
    form = DraftForm(request.POST)
    form.is_valid()
    if not form.sent_before(request.user):
        messages.error(
            request,
            f"Someone else issued this draft meanwhile: it is {invoice.number}."
            " Nothing was changed.",
        )
    return redirect("billing:invoice_detail", invoice.number)


def _free_rows(request: DeskRequest, patient: Patient) -> ChargeRows:
    last = balances.last_session(patient)
    form = DraftForm()
    return ChargeRows(
        patient=patient,
        data=request.POST if request.method == "POST" else None,
        day=form.fields["date"].initial(),
        provider=last.provider if last and last.provider.active else None,
        free=True,
        blank=1,
        typing=request.POST.get("action") not in ("save", "issue"),
    )


def _chosen(request: DeskRequest, sessions: Sequence[balances.SessionRow]) -> list[int]:
    """The sessions that are ticked: all of them to begin with."""
    if request.method != "POST":
        return [row.session.pk for row in sessions]
    return [number for text in request.POST.getlist("session") if (number := line_id(text))]


def _page(
    request: DeskRequest,
    page: str,
    form: DraftForm,
    rows: ChargeRows,
    context: dict[str, Any],
    problems: list[dict[str, str]] | None = None,
) -> HttpResponse:
    context = {**context, "form": form, "rows": rows}
    if problems is not None:
        context["error_summary"] = error_summary(NOT_SAVED, [*errors_of(form), *problems])
    return render(request, f"{FOLDER}/{page}.html", context)


def _live(
    request: DeskRequest, page: str, form: DraftForm, rows: ChargeRows, context: dict[str, Any]
) -> HttpResponse:
    """Figures for what is typed now; without htmx the whole page, with another row if asked for."""
    if not request.htmx:
        if request.POST.get("action") == "another":
            rows.another()
        return _page(request, page, form, rows, context)
    return live_rows(request, rows, template=f"{FOLDER}/_live.html")


def _saved(request: DeskRequest, posted: ledger.Posted, patient: Patient) -> HttpResponse:
    if posted.replayed:
        messages.success(request, "This invoice was already saved.")
        return redirect(patient)
    saved = posted.invoices[0]
    total = balances.line_totals(saved.lines.all()).charged
    if saved.number:
        notices.saved(request, f"{saved.number} issued.", f"{patient.name}, {show_dollars(total)}.")
        return redirect("billing:invoice_detail", saved.number)
    notices.saved(request, "Draft saved.", f"{show_dollars(total)}; it owes nothing until issued.")
    return redirect("billing:invoice_draft", saved.pk)
