"""Insurance payments: a check is entered and shared out over the sessions it paid for."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from billing import balances, ledger, wording
from billing.chain.acts import sealing
from billing.forms.base import LedgerForm, error_summary, errors_of
from billing.forms.drafts import STRIP, form_data
from billing.forms.grid import MOST_LINES, box_name, plain, row_keys
from billing.forms.offsets import effect, offset_keys
from billing.forms.payment_grid import PaymentGrid
from billing.forms.payments import InsurancePaymentForm, copy_of, may_over_allocate
from billing.models import InvoiceLine, Payment, PaymentDraft, Submission
from billing.money import ZERO, show_dollars
from billing.views import notices
from billing.views.grid_answers import after_settling, live
from billing.views.payment_drafts import keep
from patients.http import DeskRequest
from patients.models import Patient, Payer, without_nul

FOLDER = "billing/insurance_payments"
AT_ONCE = 500  # sessions of one choice
NO_ROOM = "This line has no room for another correction here. Save, then go on."
FULL = (
    "This page holds {} sessions at most. Save this payment, then go on allocating it"
    " on its own page."
)


@require_http_methods(["GET", "HEAD", "POST"])
def insurance_payment_new(request: DeskRequest) -> HttpResponse:
    """New insurance payment: the strip, the sessions, Unallocated down to $0."""
    key, copied = _asked_draft(request), _copied(request)
    draft = PaymentDraft.objects.unfinished().with_names().filter(key=key).first() if key else None
    if key and not draft:
        return _draft_is_gone(request, key)
    form = InsurancePaymentForm(request.POST or None, initial=_initial(request, draft, copied))
    grid = _grid(
        request,
        amount_of=form,
        payer=form.chosen_payer,
        data=form_data(draft) if draft else _pays_again(copied) if copied else request.POST,
        drawn_from_draft=draft is not None,
    )
    if request.method == "GET":
        return _page(request, form, grid, draft=draft, copied=copied)
    if answer := _changes_rows(request, form, grid):
        return answer
    action = request.POST.get("action")
    if request.htmx and not action:
        duplicate = {"checked": True, "form": form} if "check" in request.POST else {}
        return live(request, grid, template=f"{FOLDER}/_live.html", **duplicate)
    if action == "draft":
        return _kept_as_draft(request, form, grid)
    if action not in ("save", "next", "over"):
        grid.fill(request.POST.get("fill", ""))
        return _page(request, form, grid)
    grid.may_be_over = action == "over" and grid.is_over
    valid = form.is_valid()
    sent = form.sent_before(request.user)
    if valid and grid.nothing_typed and not sent:
        form.doubt(request.user, payer=form.cleaned_data["payer"])
    if grid.may_be_over:
        form.require_reason_for_over(request.user)
    problems = [] if sent else grid.problems()
    if form.errors or problems:
        return _page(request, form, grid, problems=problems)
    try:
        posted = _record(request, form, grid)
    except ledger.LedgerError as error:
        problems = _refuse(form, grid, error)
        return _page(request, form, grid, problems=problems)
    said = _saved(posted)
    if action == "next":  # the others are led to the payment
        link = '{} <a href="{}">{}</a>'
        said = format_html(link, said, posted.receipt.get_absolute_url(), posted.receipt.number)
    messages.success(request, said)
    notices.say_moved_date(request, posted.moved_to)
    if action == "next":
        kept = {
            "payer": str(posted.receipt.payer),
            "method": posted.receipt.method,
            "date": posted.receipt.date.isoformat(),
        }
        return redirect(f"{reverse('billing:insurance_payment_new')}?{urlencode(kept)}")
    return redirect(posted.receipt)


def _record(request: DeskRequest, form: InsurancePaymentForm, grid: PaymentGrid) -> ledger.Posted:
    """Save the payment and be rid of its draft, both or neither.

    A draft may lie open on two desks. Whoever saves second waits here, and is told.
    """
    key = form.cleaned_data["key"]
    reason = form.reason_for_over if grid.may_be_over else ""
    with sealing("record_payment", by=request.user):
        draft = PaymentDraft.objects.select_for_update().filter(key=key).first()
        others = Submission.objects.filter(key=key).exclude(user_id=request.user.pk)
        if earlier := others.select_related("user", "payment").first():
            who = wording.full_name(earlier.user)
            raise ledger.LedgerError(f"{who} saved this draft already, as {earlier.payment}.")
        posted = ledger.record_payment(
            by=request.user,
            entries=list(grid.entries.values()),
            offsets=grid.offsets.entries,
            over_allocation_reason=reason,
            **form.payment,
        )
        if draft:
            draft.delete()
    return posted


@require_http_methods(["GET", "HEAD", "POST"])
def insurance_payment_detail(request: DeskRequest, number: str) -> HttpResponse:
    """A saved insurance payment: what it paid, and allocating what is left of it."""
    payment = get_object_or_404(Payment.objects.receipts().of_payers().with_names(), number=number)
    form = LedgerForm(request.POST or None)
    grid = _grid(
        request,
        amount=payment.amount - payment.returned,
        already=payment.allocated,
        kept=-payment.offset,
        payer=payment.payer,
        saved=True,
    )
    # What was over-allocated knowingly is mended in steps, if need be.
    grid.may_be_over = bool(payment.over_allocation_reason)
    if request.method == "GET":
        return _page(request, form, grid, payment=payment)
    if answer := _changes_rows(request, form, grid, payment=payment):
        return answer
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
            offsets=grid.offsets.entries,
            date=timezone.localdate(),
            key=form.cleaned_data["key"],
        )
    except ledger.LedgerError as error:
        problems = _refuse(form, grid, error)
        return _page(request, form, grid, payment=payment, problems=problems)
    messages.success(request, _saved(posted))
    return redirect(payment)


# ---------------------------------------------------------------------------- what it begins with


def _initial(
    request: DeskRequest, draft: PaymentDraft | None, copied: Payment | None
) -> dict[str, Any]:
    """A draft; or an undone payment; or Payer, Method and Date after Save and add next."""
    if draft:
        return {"key": draft.key, **{name: draft.data.get(name, "") for name in STRIP}}
    if copied:
        return copy_of(copied)
    kept = ("payer", "method", "date")
    return {name: request.GET[name] for name in kept if name in request.GET}


def _copied(request: DeskRequest) -> Payment | None:
    """The undone payment this one corrects (`?copy=IP-0318`)."""
    if request.method == "POST":
        return None
    undone = Payment.objects.receipts().of_payers().filter(reversed=True).with_names()
    return undone.filter(number=request.GET.get("copy", "")).first()


def _pays_again(copied: Payment) -> QueryDict:
    """What the undone payment paid and wrote off, as the form would post it."""
    data = QueryDict(mutable=True)
    for line, (write_off, paid) in balances.pays_again(copied).items():
        data.appendlist("lines", str(line))
        data[box_name(line, "write_off")] = plain(write_off)
        data[box_name(line, "paid")] = plain(paid)
    return data


# ---------------------------------------------------------------------------- drafts


def _draft_is_gone(request: DeskRequest, key: uuid.UUID) -> HttpResponse:
    """Where Back leads when the draft of its form was saved since, or thrown away."""
    sent = Submission.objects.filter(key=key, payment__isnull=False).select_related("payment")
    saved = sent.first()
    if saved and saved.payment:
        messages.info(request, f"This draft was saved as {saved.payment}.")
        return redirect(saved.payment)
    messages.info(request, "That draft is gone: it was discarded. This is a new payment.")
    return redirect("billing:insurance_payment_new")


def _asked_draft(request: DeskRequest) -> uuid.UUID | None:
    """The key of the draft asked for in the address (`?draft=…`)."""
    asked = request.GET.get("draft")
    if asked is None or request.method == "POST":
        return None
    try:
        return uuid.UUID(asked)
    except ValueError:
        raise Http404 from None


def _kept_as_draft(
    request: DeskRequest, form: InsurancePaymentForm, grid: PaymentGrid
) -> HttpResponse:
    """The Save draft button, for browsers that run no scripts."""
    draft, problem = keep(request)
    if not draft:
        text = problem or "There is nothing to keep yet."
        return _page(request, form, grid, problems=[{"href": "#id_payer", "text": text}])
    messages.success(request, "Draft saved. It waits on Today until you go on.")
    query = urlencode({"draft": str(draft.key)})
    return redirect(f"{reverse('billing:insurance_payment_new')}?{query}")


# ---------------------------------------------------------------------------- rows come and open


def _changes_rows(
    request: DeskRequest, form: LedgerForm, grid: PaymentGrid, **context: Any
) -> HttpResponse | None:
    """The answer to a button that adds rows or opens one; None where no such button was pressed."""
    if "add" in request.POST:
        return _add_sessions(request, form, grid, **context)
    if row := request.POST.get("correct"):
        return _add_correction(request, form, grid, row, **context)
    if row := request.POST.get("details"):
        opened = grid.open_details(row)
        if not request.htmx:
            return _page(request, form, grid, **context)
        rows = grid.rows_of([row]) if opened else []
        answer = render(request, f"{FOLDER}/_opened.html", {"grid": grid, "rows": rows})
        return after_settling(answer, focus=f"line-{row}-deductible" if opened else "", said="")
    if "offset" in request.POST:
        key = grid.offsets.add()
        if not request.htmx:
            return _page(request, form, grid, **context)
        added = [row for row in grid.offsets.rows if row.key == key]
        answer = render(request, f"{FOLDER}/_offset_added.html", {"rows": added})
        return after_settling(answer, focus=f"offset-{key}-code" if key else "", said="")
    return None


def _add_correction(
    request: DeskRequest, form: LedgerForm, grid: PaymentGrid, row: str, **context: Any
) -> HttpResponse:
    """A further row for the same line: taken back on the one, paid anew on the other."""
    new = grid.room_for_another(row)
    if not new or len(grid.states) >= MOST_LINES:
        if request.htmx:
            return after_settling(HttpResponse(), focus="", said=NO_ROOM)
        return _page(request, form, grid, **context)
    order = grid.with_another(row, new)
    added = _again(request, grid, order)
    if not request.htmx:
        return _page(request, form, added, **context)
    above = order[order.index(new) - 1]
    where = "details" if above in added.details and added.details[above].open else "row"
    answer = render(
        request,
        f"{FOLDER}/_corrected.html",
        {"grid": added, "rows": added.rows_of([new]), "after": f"{where}-{above}", "oob": True},
    )
    return after_settling(answer, focus=f"line-{new}-paid", said="Correction added.")


def _add_sessions(
    request: DeskRequest, form: LedgerForm, grid: PaymentGrid, **context: Any
) -> HttpResponse:
    """Put a patient's sessions under the ones already there; nothing else on the page moves."""
    wanted, _, which = request.POST["add"].partition(":")
    typed = wanted or request.POST.get("patient", "")
    patients, problem = _patients_meant(typed)
    new: list[int] = []
    more = False
    if not problem:
        new, more, problem = _lines_to_add(patients, grid, which)
    added = _again(request, grid, [*(state.row for state in grid.states), *map(str, new)])
    if not request.htmx:
        return _page(request, form, added, picker_problem=problem, **context)
    answer = render(
        request,
        f"{FOLDER}/_added.html",
        {
            "grid": added,
            "rows": added.rows_of(map(str, new)),
            "oob": True,
            "problem": problem,
            "patients": patients,
            "payer": grid.payer,
        },
    )
    said = "1 session added." if len(new) == 1 else f"{len(new)} sessions added."
    if more:
        said += " There are more: choose the same again for the next."
    column = _first_column(request, grid.payer)
    focus = f"line-{new[0]}-{column}" if new else ""
    return after_settling(answer, focus=focus, said=said if new else problem)


def _first_column(request: DeskRequest, payer: Payer | None) -> str:
    """The column last typed in; before that, where this payer's payments usually begin."""
    if (last := request.POST.get("column")) in ("write_off", "paid"):
        return str(last)
    return "write_off" if payer and balances.usually_writes_off(payer) else "paid"


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
    shown = {state.id for state in grid.states}
    room = min(AT_ONCE, MOST_LINES - len(grid.states))
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


def _again(request: DeskRequest, grid: PaymentGrid, rows: list[str]) -> PaymentGrid:
    return PaymentGrid(
        lines=rows,
        data=request.POST,
        amount=grid.amount,
        already=grid.already,
        kept=grid.kept,
        payer=grid.payer,
        from_insurer=True,
        amount_problem=grid.amount_problem,
        offsets=grid.offsets.keys,
        saved=grid.saved,
    )


# ---------------------------------------------------------------------------- the screen


def _grid(
    request: DeskRequest,
    *,
    payer: Payer | None,
    amount_of: InsurancePaymentForm | None = None,
    amount: Decimal | None = None,
    already: Decimal = ZERO,
    kept: Decimal = ZERO,
    data: QueryDict | None = None,
    drawn_from_draft: bool = False,
    saved: bool = False,
) -> PaymentGrid:
    problem = ""
    if amount_of is not None:
        amount, problem = amount_of.typed_amount
    data = request.POST if data is None else data
    return PaymentGrid(
        lines=row_keys(data),
        data=data,
        amount=amount,
        already=already,
        kept=kept,
        payer=payer,
        from_insurer=True,
        amount_problem=problem,
        offsets=offset_keys(data),
        saved=saved,
        drawn_from_draft=drawn_from_draft,
    )


def _page(
    request: DeskRequest,
    form: LedgerForm,
    grid: PaymentGrid,
    *,
    problems: list[dict[str, str]] | None = None,
    payment: Payment | None = None,
    draft: PaymentDraft | None = None,
    copied: Payment | None = None,
    picker_problem: str = "",
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "grid": grid,
        "picker_problem": picker_problem,
        "draft": draft,
        "someone_elses": draft and draft.owner_id != request.user.pk,
        "copied": copied,
    }
    # Offered where nothing but that keeps the payment from being saved.
    if problems is not None and grid.is_over and not payment and len(problems) <= 1:
        context["offers_over"] = True
        context["may_over_allocate"] = may_over_allocate(request.user)
    if problems is not None:
        context["error_summary"] = error_summary(
            f"This {'allocation' if payment else 'payment'} is not saved yet.",
            [*errors_of(form), *problems],
            _hint(grid, saved=payment is not None, offers_over="offers_over" in context),
        )
    if payment:
        context |= _story_of(payment)
    template = "detail" if payment else "new"
    return render(request, f"{FOLDER}/{template}.html", context)


def _story_of(payment: Payment) -> dict[str, Any]:
    return {
        "payment": payment,
        "undoing": balances.undoing_of([payment]).get(payment.pk),
        "on_lines": balances.on_lines(payment),
        "written_off": balances.adjustments_with(payment),
        "slip": balances.slip_of(payment),
        "remittance": payment.remittances.select_related("file").defer("file__packed").first(),
        "offsets": [
            (offset, effect(offset.amount, payment.payer.name if payment.payer else ""))
            for offset in payment.offsets.order_by("pk")
        ],
    }


def _hint(grid: PaymentGrid, *, saved: bool, offers_over: bool) -> str:
    if not grid.sharing.over:
        return ""
    hint = "Money the payer took back goes in as a minus amount on its session."
    if offers_over:
        hint += " If the figures are right, save as over-allocated with a reason."
    elif not saved and grid.is_over:
        hint += (
            " Mend the other lines first; then it can be saved as over-allocated, with a reason."
        )
    return hint


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
    if payment.unallocated < 0:
        said = (
            f"Saved as over-allocated: {show_dollars(-payment.unallocated)} more is on its lines"
            " than was received. It stays on Today until that is put right."
        )
    elif payment.unallocated:
        said = f"Saved. {show_dollars(payment.unallocated)} of {whole} is still to allocate."
    else:
        said = f"Saved. {whole} from {payer}, all allocated."
    for allocation in posted.released:
        said += (
            f" {show_dollars(-allocation.amount)} of {allocation.payment.number}"
            f" went back to {allocation.line.patient.name}'s credit."
        )
    return said
