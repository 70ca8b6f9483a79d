"""Periods: closing one, opening it again, and who did so when."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render, resolve_url
from django.views.decorators.http import require_http_methods

from billing import balances, ledger
from billing.chain.links import head
from billing.forms.periods import CloseForm, ReopenForm
from billing.models import ClosingDate
from billing.models.periods import closed_through
from billing.tables.periods import ClosingDateTable
from billing.views import notices
from config.access import may_act
from patients.http import DeskRequest, go_on

FOLDER = "billing/periods"


@require_http_methods(["GET", "HEAD", "POST"])
def period_list(request: DeskRequest) -> HttpResponse:
    """Through which day the books are closed, what is left to do before the next, and closing it."""
    latest = ClosingDate.objects.select_related("created_by").first()
    closed = latest.closed_through if latest else None
    if request.method == "POST":
        form = CloseForm(request.POST, closed=closed)
        valid = form.is_valid()
        if form.sent_before(request.user):  # a second click: the day is closed by now
            notices.saved(request, f"The books are closed through {closed:%d %b %Y} already.")
            return go_on(request, resolve_url("billing:period_list"))
        if valid:
            try:
                posted = ledger.close_period(by=request.user, **form.answer)
            except ledger.LedgerError as error:
                form.refuse(error)
            else:
                notices.saved(request, *_said(posted, "Nothing can be dated on or before it."))
                return go_on(request, resolve_url("billing:period_list"))
    elif "through" in request.GET:
        form = CloseForm({"through": request.GET["through"], "key": uuid.uuid4()}, closed=closed)
    else:
        form = CloseForm(closed=closed)
    return _page(request, form, latest)


def _page(request: DeskRequest, form: CloseForm, latest: ClosingDate | None) -> HttpResponse:
    moves = ClosingDate.objects.with_before()
    day = form.day
    context: dict[str, Any] = {
        "form": form,
        "closed": form.closed,
        "latest": latest,
        "day": day,
        "chain_head": head() if may_act(request.user, "billing:period_list") else None,
        "left": balances.left_to_do(day) if day else None,
        "table": ClosingDateTable(moves).shown_for(request),
    }
    if form.errors:
        context["error_summary"] = form.summary("Nothing is closed yet.")
    page = "_close" if request.htmx else "list"
    return render(request, f"{FOLDER}/{page}.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def period_reopen(request: DeskRequest) -> HttpResponse:
    """Days are opened again, for a reason that is kept."""
    closed = closed_through()
    form = ReopenForm(request.POST or None, closed=closed)
    if request.method == "POST" and form.is_valid():
        try:
            posted = ledger.reopen_period(by=request.user, **form.answer)
        except ledger.LedgerError as error:
            form.refuse(error)
        else:
            notices.saved(request, *_said(posted, "Close the period again when you are done."))
            return go_on(request, resolve_url("billing:period_list"))
    context: dict[str, Any] = {"form": form, "closed": closed}
    if form.errors:
        context["error_summary"] = form.summary("Nothing is opened yet.")
    page = "_reopen" if request.htmx else "reopen"
    return render(request, f"{FOLDER}/{page}.html", context)


def _said(posted: ledger.Posted, more: str) -> tuple[str, str]:
    """What is said after saving; the same after a second click, which moves nothing."""
    closed = posted.closing.closed_through if posted.closing else closed_through()
    return f"The books are closed through {closed:%d %b %Y}.", more
