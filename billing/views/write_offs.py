"""Write-offs: what nobody is going to owe any more, and taking one back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing import balances, ledger, wording
from billing.forms.base import error_summary, errors_of
from billing.forms.grid import line_id, line_ids
from billing.forms.write_offs import (
    Chosen,
    SmallBalanceFilter,
    SmallBalanceForm,
    UndoWriteOffForm,
    WriteOffForm,
    WriteOffGrid,
)
from billing.models import Adjustment, AdjustmentKind, InvoiceLine
from billing.money import show, show_dollars
from billing.views import notices
from billing.views.grid_answers import live
from patients.http import DeskRequest, go_on
from patients.models import Patient

FOLDER = "billing/write_offs"
AT_ONCE = 500  # lines on one page


# ---------------------------------------------------------------------------- a patient's lines


@require_http_methods(["GET", "HEAD", "POST"])
def write_off_new(request: DeskRequest, chart: str) -> HttpResponse:
    """Write off: the open lines of a patient, a box each, for one reason."""
    patient = get_object_or_404(Patient, chart_number=chart)
    form = WriteOffForm(request.POST or None)
    grid = _grid(request, patient)
    if request.method != "POST":
        if line := line_id(request.GET.get("line", "")):
            grid.fill(f"writeoff:{line}")
        return _page(request, patient, form, grid)
    if request.htmx and "action" not in request.POST:
        return live(request, grid, template=f"{FOLDER}/_live.html")
    if request.POST.get("action") != "save":
        grid.fill(request.POST.get("fill", ""))
        form.only_filled()
        return _page(request, patient, form, grid)
    valid = form.is_valid()
    problems = [] if grid.stale or form.sent_before(request.user) else grid.problems()
    if not valid or problems:
        return _page(request, patient, form, grid, problems)
    try:
        posted = ledger.write_off(by=request.user, entries=grid.entries, **form.answer)
    except ledger.LedgerError as error:
        grid = _grid(request, patient)  # with the figures the refusal speaks of
        if error.line in grid.lines and error.line is not None:
            grid.refuse(error.line, str(error))
        else:
            form.refuse(error)
        return _page(request, patient, form, grid, grid.problems() if grid.refused else [])
    messages.success(request, _written_off(grid, replayed=posted.replayed))
    notices.say_moved_date(request, posted.moved_to)
    return redirect(patient)


def _grid(request: DeskRequest, patient: Patient) -> WriteOffGrid:
    """The open lines; after posting, those that were on the page and are this patient's."""
    lines = InvoiceLine.objects.filter(patient=patient).with_names().select_related("payer")
    sent: list[int] = []
    if request.method == "POST":
        sent = line_ids(request.POST)
        lines = lines.issued().filter(pk__in=sent)
    else:
        lines = lines.open()
    return WriteOffGrid(
        patient=patient,
        lines=list(lines.oldest_first()[:AT_ONCE]),
        sent=sent,
        data=request.POST,
    )


def _page(
    request: DeskRequest,
    patient: Patient,
    form: WriteOffForm,
    grid: WriteOffGrid,
    problems: list[dict[str, str]] | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {"patient": patient, "grid": grid, "form": form, "most": AT_ONCE}
    context["limit"] = ledger.limit_on_write_off(request.user, patient)
    if problems is not None:
        items = [*errors_of(form), *problems]
        context["error_summary"] = error_summary("This write-off is not saved yet.", items)
    return render(request, f"{FOLDER}/new.html", context)


def _written_off(grid: WriteOffGrid, *, replayed: bool) -> str:
    count = len(grid.entries)
    lines = "1 line" if count == 1 else f"{count} lines"
    total = show_dollars(grid.write_off.total)
    return f"{total} written off on {lines}." + (" It was saved before." if replayed else "")


# ---------------------------------------------------------------------------- small balances


@require_http_methods(["GET", "HEAD", "POST"])
def small_balances(request: DeskRequest) -> HttpResponse:
    """Lines of all patients that owe so little that nobody asks for it any more."""
    asked = SmallBalanceFilter(request.GET)
    form = SmallBalanceForm(request.POST or None)
    if not asked.is_valid():
        return _small_page(request, asked, form, [], Chosen([], [], {}))
    found = balances.small_balances(at_most=asked.cleaned_data["at_most"], before=asked.before)
    lines = list(found.with_names()[:AT_ONCE])
    if request.method != "POST":
        return _small_page(request, asked, form, lines, Chosen(lines, [], {}), found=found)
    marked = line_ids(request.POST)
    fill = request.POST.get("fill", "")
    if fill in ("all", "none"):
        marked = [line.pk for line in lines] if fill == "all" else []
    chosen = Chosen(lines, marked, request.POST)
    if request.POST.get("action") != "save":
        form.only_filled()
        return _small_page(request, asked, form, lines, chosen, found=found)
    valid = form.is_valid()
    again = f"{reverse('billing:small_balances')}?{urlencode(asked.data)}"
    if form.sent_before(request.user):  # a second click: its lines are no small balances any more
        return redirect(again)
    problems = _small_problems(request, chosen)
    if not valid or problems:
        return _small_page(request, asked, form, lines, chosen, problems, found=found)
    try:
        posted = ledger.write_off(
            by=request.user,
            entries=chosen.entries,
            kind=AdjustmentKind.SMALL_BALANCE,
            date=form.cleaned_data["date"],
            reason=form.cleaned_data["reason"],
            key=form.cleaned_data["key"],
        )
    except ledger.LedgerError as error:
        form.refuse(error)
        return _small_page(request, asked, form, lines, chosen, [], found=found)
    messages.success(request, f"Written off as small balances: {chosen.counted}.")
    notices.say_moved_date(request, posted.moved_to)
    return redirect(again)


def _small_problems(request: DeskRequest, chosen: Chosen) -> list[dict[str, str]]:
    """Nothing is written off that was not counted on the screen first."""
    if chosen.lost:
        text = "Some of the marked lines are not small balances any more. Check the rest."
        return [{"href": "#small", "text": text}]
    if not chosen.lines:
        return [{"href": "#small", "text": "Mark the lines to write off."}]
    if request.POST.get("counted") != chosen.counted:
        text = f"{chosen.counted} in all is to be written off. If that is right, save again."
        return [{"href": "#chosen", "text": text}]
    return []


def _small_page(
    request: DeskRequest,
    asked: SmallBalanceFilter,
    form: SmallBalanceForm,
    lines: list[InvoiceLine],
    chosen: Chosen,
    problems: list[dict[str, str]] | None = None,
    found: Any = None,
) -> HttpResponse:
    owing = balances.unpaid_of({line.patient for line in lines}) if lines else {}
    context: dict[str, Any] = {
        "asked": asked,
        "form": form,
        "rows": [(line, owing[line.patient_id]) for line in lines],
        "chosen": chosen,
        "most": AT_ONCE,
    }
    if found is not None:
        context["count"], context["total"] = balances.owed_on(found)
    if problems is not None:
        items = [*errors_of(form), *problems]
        context["error_summary"] = error_summary("These write-offs are not saved yet.", items)
    elif asked.errors:
        context["error_summary"] = error_summary("These filters cannot be used.", errors_of(asked))
    if request.htmx and request.htmx.target == "chosen":
        return render(request, f"{FOLDER}/_chosen.html", context)
    return render(request, f"{FOLDER}/small_balances.html", context)


# ---------------------------------------------------------------------------- undoing one


@require_http_methods(["GET", "HEAD", "POST"])
def write_off_undo(request: DeskRequest, pk: int) -> HttpResponse:
    """A write-off was a mistake: the line owes again what it took off."""
    row = get_object_or_404(
        Adjustment.objects.select_related(
            "line__invoice", "line__patient", "line__provider", "payment", "created_by"
        ),
        pk=pk,
        undoes__isnull=True,
    )
    patient = row.line.patient
    form = UndoWriteOffForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            posted = ledger.undo_write_off(by=request.user, adjustment=row, **form.cleaned_data)
        except ledger.LedgerError as error:
            form.refuse(error)
        else:
            row.line.refresh_from_db(fields=["balance"])
            lead = f"The write-off of {show(row.amount)} on {row.line.invoice} is undone."
            notices.saved(request, lead, f"It now owes {show(row.line.balance)}.")
            notices.say_moved_date(request, posted.moved_to)
            return go_on(request, resolve_url(patient))
    now = balances.account(patient, row.line.provider)
    context: dict[str, Any] = {
        "row": row,
        "name": wording.written_off(row),
        "patient": patient,
        "form": form,
        "stop": _why_it_stays(row),
        "now": now,
        "after": now.once(owed=row.amount),
        "back": resolve_url(patient),
    }
    if form.errors and not context["stop"]:
        context["error_summary"] = form.summary("This write-off is not undone yet.")
    page = "_undo" if request.htmx else "undo"
    return render(request, f"{FOLDER}/{page}.html", context)


def _why_it_stays(row: Adjustment) -> str:
    """Why it cannot be undone here; the ledger says the same to whoever posts it."""
    found = balances.write_offs([row.line_id])[row.line_id]
    standing = next((each for each in found if each.row.pk == row.pk), None)
    if row.payment:
        return f"This write-off came with {row.payment.number} and is undone with it."
    if standing and standing.undone:
        return f"This write-off was already undone on {standing.undone.date:%d %b %Y}."
    if standing and standing.line_is_void:
        return "This line was voided, and the write-off came with that."
    return ""
