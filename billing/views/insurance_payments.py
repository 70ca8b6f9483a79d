"""Insurance payments: a check is entered and shared out over the sessions it paid for."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing import balances, ledger
from billing.forms.base import LedgerForm, error_summary
from billing.forms.grid import MOST_LINES, box_name, line_ids, plain
from billing.forms.payment_grid import PaymentGrid
from billing.forms.payments import InsurancePaymentForm, copy_of
from billing.models import InvoiceLine, Payment
from billing.money import show_dollars
from billing.views.grid_answers import live
from patients.http import DeskRequest
from patients.models import Patient, Payer, without_nul

FOLDER = "billing/insurance_payments"
AT_ONCE = 500  # sessions of one choice
FULL = (
    "This page holds {} sessions at most. Save this payment, then go on allocating it"
    " on its own page."
)


@require_http_methods(["GET", "POST"])
def insurance_payment_new(request: DeskRequest) -> HttpResponse:
    """New insurance payment: the strip, the sessions, Unallocated down to $0."""
    copied = _copied(request)
    kept = copy_of(copied) if copied else _kept(request)
    form = InsurancePaymentForm(request.POST or None, initial=kept)
    grid = _grid(request, amount_of=form, payer=form.chosen_payer, copied=copied)
    if request.method == "GET":
        return _page(request, form, grid)
    if "add" in request.POST:
        return _add_sessions(request, form, grid)
    if request.htmx and "action" not in request.POST:
        return live(request, grid, template=f"{FOLDER}/_live.html")
    if request.POST.get("action") not in ("save", "next"):
        grid.fill(request.POST.get("fill", ""))
        return _page(request, form, grid)
    valid = form.is_valid()
    sent = form.sent_before(request.user)
    if valid and grid.nothing_typed and not sent:
        form.doubt(request.user, payer=form.cleaned_data["payer"])
    problems = [] if sent else grid.problems()
    if form.errors or problems:
        return _page(request, form, grid, problems=problems)
    try:
        posted = ledger.record_payment(
            by=request.user, entries=list(grid.entries.values()), **form.payment
        )
    except ledger.LedgerError as error:
        problems = _refuse(form, grid, error)
        return _page(request, form, grid, problems=problems)
    messages.success(request, _saved(posted))
    if request.POST["action"] == "next":
        kept = {
            "payer": str(posted.receipt.payer),
            "method": posted.receipt.method,
            "date": posted.receipt.date.isoformat(),
        }
        return redirect(f"{reverse('billing:insurance_payment_new')}?{urlencode(kept)}")
    return redirect(posted.receipt)


@require_http_methods(["GET", "POST"])
def insurance_payment_detail(request: DeskRequest, number: str) -> HttpResponse:
    """A saved insurance payment: what it paid, and allocating what is left of it."""
    payment = get_object_or_404(Payment.objects.receipts().of_payers().with_names(), number=number)
    form = LedgerForm(request.POST or None)
    grid = _grid(
        request,
        amount=payment.amount,
        already=payment.allocated + payment.returned,
        payer=payment.payer,
    )
    if request.method == "GET":
        return _page(request, form, grid, payment=payment)
    if "add" in request.POST:
        return _add_sessions(request, form, grid, payment=payment)
    if request.htmx and "action" not in request.POST:
        return live(request, grid, template=f"{FOLDER}/_live.html")
    if request.POST.get("action") != "save":
        grid.fill(request.POST.get("fill", ""))
        return _page(request, form, grid, payment=payment)
    valid = form.is_valid()
    for_the_ledger = payment.reversed or form.sent_before(request.user)
    problems = [] if for_the_ledger else grid.problems()
    if not problems and grid.nothing_typed:
        problems = [{"href": "#patient", "text": "Type an amount on a line first."}]
    if not valid or problems:
        return _page(request, form, grid, payment=payment, problems=problems)
    try:
        posted = ledger.allocate(
            by=request.user,
            payment=payment,
            entries=list(grid.entries.values()),
            date=timezone.localdate(),
            key=form.cleaned_data["key"],
        )
    except ledger.LedgerError as error:
        problems = _refuse(form, grid, error)
        return _page(request, form, grid, payment=payment, problems=problems)
    messages.success(request, _saved(posted))
    return redirect(payment)


# ---------------------------------------------------------------------------- adding sessions


def _add_sessions(
    request: DeskRequest, form: LedgerForm, grid: PaymentGrid, **context: Any
) -> HttpResponse:
    """Put a patient's sessions under the ones already there; nothing else on the page moves."""
    wanted, _, which = request.POST["add"].partition(":")
    typed = wanted or request.POST.get("patient", "")
    patients, problem = _patients_meant(typed)
    shown = [state.id for state in grid.states]
    new: list[int] = []
    more = False
    if not problem:
        new, more, problem = _lines_to_add(patients, grid, which)
    added = _again(request, grid, [*shown, *new])
    if not request.htmx:
        return _page(request, form, added, picker_problem=problem, **context)
    rows = [row for row in added.rows if row.id in set(new)]
    answer = render(
        request,
        f"{FOLDER}/_added.html",
        {
            "grid": added,
            "rows": rows,
            "oob": True,
            "problem": problem,
            "patients": patients,
            "payer": grid.payer,
        },
    )
    said = "1 session added." if len(new) == 1 else f"{len(new)} sessions added."
    if more:
        said += " There are more: choose the same again for the next."
    focus = f"line-{new[0]}-paid" if new else ""
    answer["HX-Trigger-After-Settle"] = json.dumps(
        {"rows-added": {"focus": focus, "said": said if new else problem}}
    )
    return answer


def _patients_meant(typed: str) -> tuple[list[Patient], str]:
    if typed == "everyone":
        return [], ""
    typed = without_nul(typed)
    if not typed:
        return [], "Type a patient's name or chart number."
    found = Patient.objects.meant(typed, most=9)
    if not found:
        return [], f"No patient is called {typed}."
    if len(found) > 1:
        names = "; ".join(f"{patient}" for patient in found[:8])
        return [], f"Several patients match: {names}. Type the chart number."
    return found, ""


def _lines_to_add(
    patients: list[Patient], grid: PaymentGrid, which: str
) -> tuple[list[int], bool, str]:
    """Unpaid sessions with this payer; on request every unpaid one, or the paid ones too.

    Returns those not on the page yet, whether there are more than come at once, or why none come.
    """
    lines = InvoiceLine.objects.issued().standing().oldest_first()
    if which != "all":
        lines = lines.open()
    if patients:
        lines = lines.filter(patient__in=patients)
    if grid.payer and which not in ("all", "unpaid"):
        lines = lines.filter(payer=grid.payer)
    shown = [state.id for state in grid.states]
    room = min(AT_ONCE, MOST_LINES - len(shown))
    if room <= 0:
        return [], False, FULL.format(MOST_LINES)
    fresh = lines.exclude(pk__in=shown).order_by("patient", "service_date", "pk")
    ids = list(fresh.values_list("pk", flat=True)[: room + 1])
    if ids:
        return ids[:room], len(ids) > room, ""
    if lines.exists():
        return [], False, "Those sessions are already on this payment."
    name = f"{patients[0].given_name} {patients[0].family_name}" if patients else "Nobody"
    whose = f" with {grid.payer.name}" if grid.payer else ""
    return [], False, f"{name} has {'no ' if patients else ''}unpaid sessions{whose}."


def _again(request: DeskRequest, grid: PaymentGrid, lines: list[int]) -> PaymentGrid:
    return PaymentGrid(
        lines=lines,
        data=request.POST,
        amount=grid.amount,
        already=grid.already,
        payer=grid.payer,
        from_insurer=True,
        amount_problem=grid.amount_problem,
        saved=grid.saved,
    )


# ---------------------------------------------------------------------------- the screen


def _grid(
    request: DeskRequest,
    *,
    payer: Payer | None,
    amount_of: InsurancePaymentForm | None = None,
    amount: Decimal | None = None,
    already: Decimal = Decimal("0.00"),
    copied: Payment | None = None,
) -> PaymentGrid:
    problem = ""
    if amount_of is not None:
        amount, problem = amount_of.typed_amount
    again = balances.pays_again(copied) if copied else {}
    typed: dict[str, str] = {}
    for line, (write_off, paid) in again.items():
        typed |= {
            box_name(line, "write_off"): plain(write_off),
            box_name(line, "paid"): plain(paid),
        }
    return PaymentGrid(
        lines=line_ids(request.POST) or list(again),
        data=request.POST or typed,
        amount=amount,
        already=already,
        payer=payer,
        from_insurer=True,
        amount_problem=problem,
        saved=amount_of is None,
    )


def _page(
    request: DeskRequest,
    form: LedgerForm,
    grid: PaymentGrid,
    *,
    problems: list[dict[str, str]] | None = None,
    payment: Payment | None = None,
    picker_problem: str = "",
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "grid": grid, "picker_problem": picker_problem}
    if not payment:
        context["copied"] = _copied(request)
    if problems is not None:
        summary = form.summary("This payment is not saved yet.")
        context["error_summary"] = error_summary(
            "This payment is not saved yet.",
            [*summary["items"], *problems],
            "Money the payer took back goes in as a minus amount on its session."
            if grid.sharing.over
            else "",
        )
    if payment:
        context |= _story_of(payment)
    template = "detail" if payment else "new"
    return render(request, f"{FOLDER}/{template}.html", context)


def _story_of(payment: Payment) -> dict[str, Any]:
    links = balances.pays([payment.pk]).get(payment.pk, [])
    lines = InvoiceLine.objects.with_names().in_bulk([link.line_id for link in links])
    return {
        "payment": payment,
        "undoing": balances.undoing_of([payment]).get(payment.pk),
        "links": [(lines[link.line_id], link.amount) for link in links],
        "written_off": balances.adjustments_with(payment),
    }


def _copied(request: DeskRequest) -> Payment | None:
    """The undone payment this one corrects (`?copy=IP-0318`)."""
    if request.method == "POST":
        return None
    undone = Payment.objects.receipts().of_payers().filter(reversed=True).with_names()
    return undone.filter(number=request.GET.get("copy", "")).first()


def _kept(request: DeskRequest) -> dict[str, str]:
    """Payer, Method and Date of the payment before, after Save and add next."""
    return {name: request.GET[name] for name in ("payer", "method", "date") if name in request.GET}


def _refuse(form: LedgerForm, grid: PaymentGrid, error: ledger.LedgerError) -> list[dict[str, str]]:
    """Put the ledger's words where they belong; returns what is wrong with lines."""
    if error.line is None:
        form.refuse(error)
        return []
    grid.refuse(error.line, str(error))
    return grid.problems()


def _saved(posted: ledger.Posted) -> str:
    payment = posted.receipt
    whole = show_dollars(payment.amount)
    payer = payment.payer.name if payment.payer else ""
    if payment.unallocated:
        said = f"Saved. {show_dollars(payment.unallocated)} of {whole} is still to allocate."
    else:
        said = f"Saved. {whole} from {payer}, all allocated."
    for allocation in posted.released:
        said += (
            f" {show_dollars(-allocation.amount)} of {allocation.payment.number}"
            f" went back to {allocation.line.patient.name}'s credit."
        )
    return said
