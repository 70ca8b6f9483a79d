"""Credit allocation: pay lines from an account's credit, or take money back off them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing import balances, ledger
from billing.balances import AccountBalance
from billing.forms.base import LedgerForm, error_summary
from billing.forms.credit import CreditGrid
from billing.forms.grid import line_ids
from billing.models import InvoiceLine
from billing.money import ZERO
from billing.views import notices
from billing.views.choosing import Choice
from billing.views.grid_answers import live
from patients.http import DeskRequest
from patients.models import Patient, Provider

FOLDER = "billing/credit"
NOT_SAVED = "This allocation is not saved yet."
PER_PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
def patient_credit(request: DeskRequest, chart: str) -> HttpResponse:
    """One account's lines: plus pays from credit, minus un-pays, and the result in sight."""
    patient = get_object_or_404(Patient, chart_number=chart)
    accounts = balances.accounts(patient)
    account = _account(request, accounts)
    view = _view(request, account)
    form = LedgerForm(request.POST or None)
    grid = _grid(request, patient, account, view)
    context = {"patient": patient, "accounts": accounts, "form": form}
    if request.method != "POST":
        return _page(request, grid, context)
    action = request.POST.get("action")
    if request.htmx and not action:
        return live(request, grid, template=f"{FOLDER}/_live.html")
    if action != "save":
        grid.fill(request.POST.get("fill", ""))
        return _page(request, grid, context)
    valid = form.is_valid()
    problems = [] if grid.stale or form.sent_before(request.user) else grid.problems()
    provider = account.provider
    if not valid or problems or provider is None:
        return _refused(request, grid, context, problems)
    try:
        ledger.allocate_credit(
            by=request.user,
            patient=patient,
            provider=provider,
            entries=grid.entries,
            date=timezone.localdate(),
            key=form.cleaned_data["key"],
        )
    except ledger.LedgerError as error:
        # Read afresh: the figures on the screen are those the refusal speaks of.
        account = balances.account(patient, provider)
        grid = _grid(request, patient, account, view)
        if error.line in grid.by_id and error.line is not None:
            grid.refuse(error.line, str(error))
        else:
            form.refuse(error)
        return _refused(request, grid, context, grid.problems())
    amounts = [(entry.line, entry.paid) for entry in grid.entries]
    notices.moved(request, patient, provider, amounts)
    return redirect(patient)


def _account(request: DeskRequest, accounts: Sequence[AccountBalance]) -> AccountBalance:
    """The provider asked for; otherwise the first with credit to deal with."""
    asked = request.GET.get("provider", "")
    for each in accounts:
        if each.provider and str(each.provider.pk) == asked:
            return each
    if asked.isascii() and asked.isdigit() and len(asked) < 19:
        provider = Provider.objects.filter(pk=int(asked)).first()
        if provider:
            return AccountBalance(provider, ZERO, ZERO)
    with_credit = [each for each in accounts if each.credit]
    return [*with_credit, *accounts, AccountBalance(None, ZERO, ZERO)][0]


def _view(request: DeskRequest, account: AccountBalance) -> str:
    asked = request.GET.get("view", "")
    if asked in ("unpaid", "all"):
        return asked
    return "all" if account.credit < 0 else "unpaid"


def _grid(request: DeskRequest, patient: Patient, account: AccountBalance, view: str) -> CreditGrid:
    """The lines of the view; after posting, those that were on the page."""
    sent = line_ids(request.POST) if request.method == "POST" else []
    lines: list[InvoiceLine] = []
    if account.provider:
        found = InvoiceLine.objects.issued().of_account(patient, account.provider).with_names()
        if request.method == "POST":
            found = found.filter(pk__in=sent)
        elif view == "unpaid":
            found = found.open()
        else:
            found = found.standing()
        lines = list(found.order_by("-service_date", "-pk"))
    return CreditGrid(account=account, lines=lines, view=view, sent=sent, data=request.POST)


def _page(
    request: DeskRequest, grid: CreditGrid, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    return render(
        request, f"{FOLDER}/patient_credit.html", {**context, "grid": grid}, status=status
    )


def _refused(
    request: DeskRequest,
    grid: CreditGrid,
    context: dict[str, Any],
    problems: list[dict[str, str]],
) -> HttpResponse:
    form = context["form"]
    items = [{"href": "", "text": text} for texts in form.errors.values() for text in texts]
    if items:  # then an empty grid is not what keeps it from being saved
        problems = [item for item in problems if item["href"]]
    context["error_summary"] = error_summary(NOT_SAVED, [*items, *problems])
    return _page(request, grid, context)


# ---------------------------------------------------------------------------- choosing a patient


@require_safe
def credit_allocation(request: DeskRequest) -> HttpResponse:
    """Accounts with credit to allocate or negative credit, and a way to any other patient."""
    choice = Choice(
        request.GET.get("patient", ""),
        there=lambda chart: reverse("billing:patient_credit", args=[chart]),
    )
    if choice.leads_to:
        return redirect(choice.leads_to)
    pages = Paginator(balances.accounts_with_credit(), PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    context = {
        **choice.context,
        "page": page,
        "rows": balances.credit_rows(page.object_list),
    }
    return render(request, f"{FOLDER}/credit_allocation.html", context)
