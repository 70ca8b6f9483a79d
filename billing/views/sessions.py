"""Sessions: what was done is entered in a few keys, changed while it is on a draft, and billed."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing import balances, charging, ledger, wording
from billing.forms.base import LedgerForm, error_summary, errors_of
from billing.forms.charges import ChargeRows
from billing.forms.grid import line_id
from billing.forms.sessions import DayListForm, SessionForm
from billing.models import InvoiceLine
from billing.views import notices
from billing.views.choosing import choose_patient
from billing.views.grid_answers import live_rows
from config.access import may_act
from patients.http import DeskRequest
from patients.models import Patient, Provider, Session

FOLDER = "billing/sessions"
USUAL = 5  # so many services are offered as buttons
MOST = 500  # sessions on one page
NOT_SAVED = "This session is not saved yet."


# ---------------------------------------------------------------------------- one session


@require_http_methods(["GET", "HEAD", "POST"])
def session_new(request: DeskRequest, chart: str) -> HttpResponse:
    """New session: the strip as last time, then code, Enter, code, Enter, Ctrl+Enter."""
    patient = get_object_or_404(Patient, chart_number=chart)
    form = SessionForm(
        request.POST or None, patient=patient, initial=_as_last_time(request, patient)
    )
    rows = _rows(request, form)
    if request.method != "POST":
        return _page(request, form, rows)
    action = request.POST.get("action")
    if action not in ("save", "issue"):
        return _live_or_filled(request, form, rows)
    if not _ready(request, form, rows):
        return _page(request, form, rows, refused=True)
    try:
        posted = ledger.enter_session(
            by=request.user,
            patient=patient,
            charges=rows.charges,
            issue_on=timezone.localdate() if action == "issue" else None,
            **form.answer,
        )
    except ledger.LedgerError as error:
        form.refuse(error)
        return _page(request, form, rows, refused=True)
    return _saved(request, form, rows, posted)


@require_http_methods(["GET", "HEAD", "POST"])
def session_start(request: DeskRequest) -> HttpResponse:
    """New session, without a patient yet: choosing one."""
    return choose_patient(
        request, "New session", lambda chart: reverse("billing:session_new", args=[chart])
    )


@require_http_methods(["GET", "HEAD", "POST"])
def session_edit(request: DeskRequest, pk: int) -> HttpResponse:
    """A session: changed or deleted while it is on a draft, read only once it is billed."""
    session = get_object_or_404(Session.objects.select_related("patient", "provider"), pk=pk)
    row = balances.session_rows([session])[0]
    if not row.unbilled:
        return _billed(request, row)
    form = SessionForm(
        request.POST or None,
        patient=session.patient,
        session=session,
        initial={name: getattr(session, name) for name in ("date", "place_of_service", "diagnoses")}
        | {"provider": session.provider_id},
    )
    rows = _rows(request, form, row.lines)
    context: dict[str, Any] = {
        "session": session,
        "row": row,
        "seen": _seen(request, row.lines),
    }
    if request.method != "POST":
        return _page(request, form, rows, **context)
    action = request.POST.get("action")
    if action == "delete":
        return _delete(request, form, rows, context)
    if action not in ("save", "issue"):
        return _live_or_filled(request, form, rows, **context)
    if form.is_valid() and form.sent_before(request.user):
        return _already_saved(request, session.date)
    if not _ready(request, form, rows):
        return _page(request, form, rows, refused=True, **context)
    try:
        posted = ledger.change_session(
            by=request.user,
            session=session,
            seen_lines=context["seen"],
            charges=rows.charges,
            issue_on=timezone.localdate() if action == "issue" else None,
            **form.answer,
        )
    except ledger.LedgerError as error:
        return _stale_or_refused(request, form, rows, context, error)
    return _saved(request, form, rows, posted)


def _as_last_time(request: DeskRequest, patient: Patient) -> dict[str, Any]:
    """The provider asked for, or the last one; place and diagnoses as last time with them."""
    asked = line_id(request.GET.get("provider", ""))
    provider = Provider.objects.filter(pk=asked, active=True).first() if asked else None
    last = balances.last_session(patient, provider)
    if provider is None and last and last.provider.active:
        provider = last.provider
    if provider is None:
        provider = balances.only_provider()
    initial: dict[str, Any] = {"date": timezone.localdate()}
    if provider:
        initial["provider"] = provider.pk
    if last:
        initial |= {"place_of_service": last.place_of_service, "diagnoses": last.diagnoses}
    return initial


def _rows(request: DeskRequest, form: SessionForm, lines: Sequence[InvoiceLine] = ()) -> ChargeRows:
    return ChargeRows(
        patient=form.patient,
        data=request.POST if request.method == "POST" else None,
        lines=lines,
        day=form.typed_day,
        provider=form.typed_provider,
        typing=request.POST.get("action") not in ("save", "issue"),
    )


def _seen(request: DeskRequest, lines: Sequence[InvoiceLine]) -> str:
    """What the screen showed when it was drawn; of now, where it is drawn now."""
    return request.POST.get("seen", "")[:40] or charging.seen(lines)


def _ready(request: DeskRequest, form: SessionForm, rows: ChargeRows) -> bool:
    """Whether the ledger can be asked; a form it carried out before, it answers itself."""
    if form.is_valid() and not form.sent_before(request.user):
        form.doubt()
    return form.is_valid() and not rows.problems()


def _live_or_filled(
    request: DeskRequest, form: SessionForm, rows: ChargeRows, **context: Any
) -> HttpResponse:
    """What somebody types is answered with figures; a button fills rows."""
    values = _fill(request, form, rows)
    if not request.htmx:
        if request.POST.get("action") == "another":
            rows.another()
        return _page(request, form, rows, **context)
    filled = values if "fill" in request.POST else None
    return live_rows(request, rows, template=f"{FOLDER}/_live.html", filled=filled)


def _fill(request: DeskRequest, form: SessionForm, rows: ChargeRows) -> dict[str, str]:
    """Same as last time, or one of the usual services."""
    what, _, code = request.POST.get("fill", "").partition(":")
    if what == "code" and code:
        return rows.put([{"code": code[:20]}])
    if what == "last":
        last = balances.last_session(form.patient, form.typed_provider)
        done = balances.done_in(last)
        return rows.put(
            [
                {"code": line.code, "modifiers": line.modifiers, "units": str(line.units)}
                for line in done
                if line.service and line.service.active
            ]
        )
    return {}


def _page(
    request: DeskRequest,
    form: SessionForm,
    rows: ChargeRows,
    *,
    refused: bool = False,
    **context: Any,
) -> HttpResponse:
    provider = form.typed_provider
    last = balances.last_session(form.patient, provider)
    context |= {
        "form": form,
        "rows": rows,
        "patient": form.patient,
        "usual": balances.usual_services(form.patient, provider, USUAL),
        "last": last if not form.session else None,
    }
    if refused:
        context["error_summary"] = error_summary(NOT_SAVED, [*errors_of(form), *rows.problems()])
    page = "edit" if form.session else "new"
    return render(request, f"{FOLDER}/{page}.html", context)


def _saved(
    request: DeskRequest, form: SessionForm, rows: ChargeRows, posted: ledger.Posted
) -> HttpResponse:
    day, provider = form.cleaned_data["date"], form.cleaned_data["provider"]
    if posted.replayed:
        return _already_saved(request, day)
    lead, rest = wording.session_saved(form.patient, provider, day, rows.owed)
    invoice = posted.invoices[0]
    if invoice.number:
        notices.saved(request, f"{invoice.number} issued.", f"{lead} {rest}")
        return redirect("billing:invoice_detail", invoice.number)
    notices.saved(request, lead, f"{rest} It waits on a draft until it is billed.")
    return redirect(f"{reverse('billing:session_list')}?date={day:%Y-%m-%d}")


def _already_saved(request: DeskRequest, day: datetime.date) -> HttpResponse:
    """A second click, or a reload: the first one did it."""
    messages.success(request, "This session was already saved.")
    return redirect(f"{reverse('billing:session_list')}?date={day:%Y-%m-%d}")


def _stale_or_refused(
    request: DeskRequest,
    form: SessionForm,
    rows: ChargeRows,
    context: dict[str, Any],
    error: ledger.LedgerError,
) -> HttpResponse:
    """What somebody else changed is shown afresh, with the sentence that says so."""
    if isinstance(error, ledger.StaleDraftError):
        messages.error(request, str(error))
        if not Session.objects.filter(pk=context["session"].pk).exists():
            return redirect("billing:session_list")
        return redirect("billing:session_edit", context["session"].pk)
    form.refuse(error)
    return _page(request, form, rows, refused=True, **context)


def _delete(
    request: DeskRequest, form: SessionForm, rows: ChargeRows, context: dict[str, Any]
) -> HttpResponse:
    session = context["session"]
    keyed = LedgerForm(request.POST)
    if not keyed.is_valid():
        form.add_error(None, "This page was too old to delete from. Try again.")
        return _page(request, form, rows, refused=True, **context)
    try:
        ledger.delete_session(
            by=request.user,
            session=session,
            seen_lines=context["seen"],
            key=keyed.cleaned_data["key"],
        )
    except ledger.LedgerError as error:
        return _stale_or_refused(request, form, rows, context, error)
    notices.saved(request, f"Session of {session.patient.name} on {session.date:%d %b %Y} deleted.")
    return redirect(f"{reverse('billing:session_list')}?date={session.date:%Y-%m-%d}")


def _billed(request: DeskRequest, row: balances.SessionRow) -> HttpResponse:
    """Read only; what was voided may be billed again."""
    form = LedgerForm(request.POST or None)
    if request.method == "POST" and request.POST.get("action") == "again":
        if form.is_valid():
            try:
                ledger.bill_session_again(
                    by=request.user, session=row.session, key=form.cleaned_data["key"]
                )
            except ledger.LedgerError as error:
                messages.error(request, str(error))
            else:
                notices.saved(request, "Copied to a new draft.", "Check it and bill it.")
        return redirect("billing:session_edit", row.session.pk)
    if request.method == "POST":
        if form.is_valid() and form.sent_before(request.user):
            return _already_saved(request, row.session.date)
        messages.error(request, "This session was billed meanwhile. Nothing was changed.")
        return redirect("billing:session_edit", row.session.pk)
    context = {
        "row": row,
        "session": row.session,
        "patient": row.session.patient,
        "form": form,
        "diagnoses": row.session.diagnosis_codes,
    }
    return render(request, f"{FOLDER}/billed.html", context)


# ---------------------------------------------------------------------------- the day


@require_http_methods(["GET", "HEAD", "POST"])
def session_list(request: DeskRequest) -> HttpResponse:
    """The sessions of a day, or all that are not billed, with Bill all."""
    listed = DayListForm.of(request.GET)
    key = LedgerForm(request.POST or None)
    if request.method == "POST":
        refusal = _bill(request, key)
        if not refusal:
            return redirect(request.get_full_path())
        messages.error(request, refusal)
    rows, more = _listed(listed)
    context = {
        "filter": listed,
        "form": key,
        "rows": rows,
        "more": more,
        "sums": balances.session_sums(rows),
        "billable": [row for row in rows if row.billable]
        if may_act(request.user, "billing:session_list")
        else [],
        "unbilled_of_other_days": balances.drafted_sessions(),
        "error_summary": listed.error_summary,
    }
    return render(request, f"{FOLDER}/list.html", context)


def _listed(listed: DayListForm) -> tuple[list[balances.SessionRow], int]:
    """The rows asked for, and how many there are beyond those on the page."""
    found = Session.objects.select_related("patient", "provider")
    if listed.provider:
        found = found.filter(provider=listed.provider)
    if listed.unbilled:
        found = balances.unbilled(found).order_by("date", "id")
    else:
        found = found.filter(date=listed.day).order_by("id")
    sessions = list(found[: MOST + 1])
    more = found.count() - MOST if len(sessions) > MOST else 0
    return balances.session_rows(sessions[:MOST]), more


def _bill(request: DeskRequest, form: LedgerForm) -> str:
    """Bill the sessions chosen, or all that were on the page; returns why not."""
    which = "listed" if request.POST.get("action") == "all" else "session"
    ids = [number for text in request.POST.getlist(which)[: MOST + 1] if (number := line_id(text))]
    if not form.is_valid():
        return "This page was too old to bill from. Try again."
    found = Session.objects.select_related("patient").in_bulk(ids)
    if not ids:
        return "Choose the sessions to bill."
    if len(found) < len(set(ids)):
        return "A session that was on this page is not there any more. Nothing was billed."
    try:
        posted = ledger.bill_sessions(
            by=request.user,
            sessions=[found[pk] for pk in dict.fromkeys(ids)],
            date=timezone.localdate(),
            key=form.cleaned_data["key"],
        )
    except ledger.LedgerError as error:
        return f"Nothing was billed. {error}"
    if posted.replayed:
        notices.saved(request, "These sessions were already billed.")
    else:
        notices.saved(request, *wording.billed(posted.invoices, len(found)))
    return ""
