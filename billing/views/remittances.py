"""The draft of an insurer's payment: its rows are looked at, mended, and saved as one payment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from billing import balances, ledger
from billing.era.importing import segments_of
from billing.forms.base import error_summary
from billing.forms.payments import may_over_allocate
from billing.forms.remittances import ChoosePayerForm, RowAmountsForm, SaveRemittanceForm
from billing.models import (
    InvoiceLine,
    Remittance,
    RemittanceOffset,
    RemittanceRow,
    RemittanceState,
)
from billing.money import show_dollars
from billing.remittances import posting, review
from billing.remittances.review import Problem, ReviewError
from billing.views import notices
from billing.views import remittance_screen as screen
from billing.views.progress import Finished, Step, Stopped, Work, with_progress
from patients.http import DeskRequest
from patients.searching import unseal

FOLDER = "billing/remittances"
DAY_LENGTH = 40  # characters of a typed day that are worth keeping
MANY = 500  # claims that take longer to match than somebody waits without a word


@require_http_methods(["GET", "HEAD", "POST"])
def remittance_detail(request: DeskRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    """A draft, or the payment it became: what the insurer says beside what we have."""
    draft = get_object_or_404(Remittance.objects.with_names().defer("file__packed"), pk=pk)
    if request.method != "POST":
        return _page(request, draft)
    action, _, about = request.POST.get("action", "").partition(":")
    if draft.state != RemittanceState.DRAFT:
        messages.error(request, f"This draft was {draft.get_state_display().lower()} meanwhile.")
        return _go(request, draft.get_absolute_url())
    if action in ("save", "over"):
        return _save(request, draft, over=action == "over")
    if action == "keep":
        return _keep(request, draft)
    if action == "payer":
        return _choose_payer(request, draft)
    try:
        with review.changing(pk) as locked:
            return _change(request, locked, action, about)
    except ReviewError as error:
        messages.error(request, str(error))
        return _go(request, _here(request, draft))


def _go(request: DeskRequest, url: str) -> HttpResponse:
    """To a page as a whole, also where htmx asked for a row."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


# ---------------------------------------------------------------------------- small changes


def _change(request: DeskRequest, draft: Remittance, action: str, about: str) -> HttpResponse:
    of_row = ROW_ACTIONS.get(action)
    if of_row:
        row = review.row_of(draft, _number(about))
        of_row(row)
        return _row_answer(request, draft, row)
    if action == "accept-all":
        count = review.tick_all(draft, about)
        messages.success(request, f"{count:,} row{'' if count == 1 else 's'} accepted.")
    elif action in OFFSET_ACTIONS and draft.payer:
        offset = draft.offsets.filter(pk=_number(about)).first()
        if offset is None:
            raise ReviewError("That is not on this draft any more.")
        OFFSET_ACTIONS[action](offset, draft)
    elif action == "attach":
        payment = posting.attach(draft, by=request.user)
        messages.success(request, f"Attached to {payment.number}. Nothing was posted again.")
        return redirect(payment)
    elif action == "discard":
        review.discard(draft)
        messages.success(request, f"Draft {draft.reference} discarded. Nothing was posted.")
        return redirect("billing:era_import")
    else:
        raise ReviewError("That is nothing this page can do.")
    return redirect(_here(request, draft))


ROW_ACTIONS: dict[str, Callable[[RemittanceRow], None]] = {
    "accept": review.tick,
    "not-sure": lambda row: review.tick(row, ticked=False),
    "unapplied": review.leave_unapplied,
    "look-again": lambda row: review.leave_unapplied(row, unapplied=False),
}
OFFSET_ACTIONS: dict[str, Callable[[RemittanceOffset, Remittance], None]] = {
    "take-back": lambda offset, draft: (
        review.take_back(offset, draft.payer) if draft.payer else None
    ),
    "beside": lambda offset, _draft: review.leave_beside(offset),
}


def _number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 18 else 0


def _here(request: DeskRequest, draft: Remittance, row: RemittanceRow | None = None) -> str:
    """The page of the draft somebody was on."""
    kept = {name: request.GET[name] for name in ("show", "page") if request.GET.get(name)}
    url = draft.get_absolute_url()
    query = f"?{urlencode(kept)}" if kept else ""
    return f"{url}{query}{f'#row-{row.pk}' if row else ''}"


def _row_answer(request: DeskRequest, draft: Remittance, row: RemittanceRow) -> HttpResponse:
    """The row as it is now, and the figures it moves."""
    if not request.htmx:
        return redirect(_here(request, draft, row))
    fresh = screen.with_names(draft.rows.filter(pk=row.pk)).get()
    (shown,) = screen.shown([fresh])
    context = {"shown": shown, "draft": draft, "oob": True, **screen.figures(request, draft)}
    return render(request, f"{FOLDER}/_changed.html", context)


# ---------------------------------------------------------------------------- the payer


def _choose_payer(request: DeskRequest, draft: Remittance) -> HttpResponse | StreamingHttpResponse:
    form = ChoosePayerForm(request.POST)
    if not form.is_valid():
        return _page(request, draft, payer_form=form)
    payer = form.cleaned_data["payer"]

    if payer.pk == draft.payer_id:
        return redirect(draft)

    def work() -> Work:
        yield Step(0, draft.claim_count, "claims matched")
        try:
            with review.changing(draft.pk) as locked:
                review.choose_payer(locked, payer, by=request.user)
        except ReviewError as error:
            raise Stopped(str(error)) from None
        yield Finished(
            f"The claims are matched with {payer.name}.",
            "It is remembered for the next file.",
            [(draft.get_absolute_url(), f"Review {draft.reference}")],
        )

    if draft.claim_count > MANY:
        return with_progress(
            request, work(), title="Match claims", back=draft.get_absolute_url(), nav="insurance"
        )
    try:
        with review.changing(draft.pk) as locked:
            review.choose_payer(locked, payer, by=request.user)
    except ReviewError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{payer.name} is remembered for the next file.")
    return redirect(draft)


# ---------------------------------------------------------------------------- saving


def _kept_under(draft: Remittance) -> str:
    return f"remittance-{draft.pk}"


def _keep(request: DeskRequest, draft: Remittance) -> HttpResponse:
    """Remember the day typed and the tick while somebody goes on to other rows. Nothing is saved."""
    form = SaveRemittanceForm(request.POST)
    typed = {name: form[name].value() for name in form.KEPT}
    typed["date"] = (typed["date"] or "")[:DAY_LENGTH]
    request.session[_kept_under(draft)] = typed
    return HttpResponse(status=204)


def _save(
    request: DeskRequest, draft: Remittance, *, over: bool
) -> HttpResponse | StreamingHttpResponse:
    form = SaveRemittanceForm(request.POST, dated=draft.date)
    if form.is_valid() and over:
        form.require_reason_for_over(request.user)
    if form.errors:
        return _page(request, draft, form=form)
    reason = form.reason_for_over if over else ""

    def save() -> ledger.Posted:
        with review.changing(draft.pk) as locked:
            locked.date = form.cleaned_data["date"]
            locked.save(update_fields=["date"])
            return posting.save(
                locked,
                by=request.user,
                key=form.cleaned_data["key"],
                sure=form.cleaned_data["sure"],
                over_reason=reason,
            )

    if draft.claim_count > MANY:
        draft.date = form.cleaned_data["date"]
        sure, typed = form.cleaned_data["sure"], review.typed_by_hand(draft)
        now = balances.standing(draft)
        found = review.problems(draft, now, sure=sure, typed=typed, over=bool(reason))
        if found:
            return _page(request, draft, form=form, problems=found)
        return with_progress(
            request,
            _saving(draft, save),
            title=f"Save {draft.reference}",
            back=draft.get_absolute_url(),
            nav="insurance",
        )
    try:
        posted = save()
    except posting.NotReady as not_ready:
        return _page(request, draft, form=form, problems=not_ready.problems)
    except ledger.LedgerError as error:
        return _page(request, draft, form=form, problems=[_refused(draft, error)])
    except ReviewError as error:
        messages.error(request, str(error))
        return redirect(draft)
    request.session.pop(_kept_under(draft), None)
    messages.success(request, _saved(posted))
    notices.say_moved_date(request, posted.moved_to)
    return redirect(posted.receipt)


def _saving(draft: Remittance, save: Callable[[], ledger.Posted]) -> Work:
    """A long draft is saved while the page says so: one act, all or nothing."""
    yield Step(0, 0, f"saving {draft.claim_count:,} claims")
    try:
        posted = save()
    except posting.NotReady as not_ready:
        raise Stopped(not_ready.problems[0].text) from None
    except ledger.LedgerError as error:
        raise Stopped(_refused(draft, error).text) from None
    except ReviewError as error:
        raise Stopped(str(error)) from None
    payment = posted.receipt
    more = notices.moved_date(posted.moved_to)
    yield Finished(_saved(posted), more, [(payment.get_absolute_url(), f"Open {payment.number}")])


def _refused(draft: Remittance, error: ledger.LedgerError) -> Problem:
    """The ledger's words, and the row they are about."""
    row = (
        draft.rows.filter(line=error.line).select_related("claim").order_by("pk").first()
        if error.line
        else None
    )
    if row is None:
        return Problem("#id_date" if error.field == "date" else "", str(error))
    day = f" of {row.date:%d %b %Y}" if row.date else ""
    return Problem(
        _row_url(draft, row), f"{row.claim.patient}, {row.code or 'claim'}{day}: {error}"
    )


def _row_url(draft: Remittance, row: RemittanceRow) -> str:
    return f"{draft.get_absolute_url()}rows/{row.pk}/"


def _saved(posted: ledger.Posted) -> str:
    payment = posted.receipt
    payer = payment.payer.name if payment.payer else ""
    said = f"Saved. {show_dollars(payment.amount)} from {payer}."
    if payment.unallocated < 0:
        said = (
            f"Saved as over-allocated: {show_dollars(-payment.unallocated)} more is on its sessions"
            " than was received. It stays on Today until that is put right."
        )
    elif payment.unallocated:
        said += f" {show_dollars(payment.unallocated)} stays unapplied with the payer."
    released: dict[str, Decimal] = {}
    for allocation in posted.released:
        name = allocation.line.patient.name
        released[name] = released.get(name, Decimal(0)) - allocation.amount
    for name, amount in list(released.items())[:5]:
        said += f" {show_dollars(amount)} went back to {name}'s credit."
    if len(released) > 5:
        said += f" So did money of {len(released) - 5} more patients."
    return said


# ---------------------------------------------------------------------------- the screen


def _page(
    request: DeskRequest,
    draft: Remittance,
    *,
    form: SaveRemittanceForm | None = None,
    payer_form: ChoosePayerForm | None = None,
    problems: Sequence[Problem] = (),
) -> HttpResponse:
    is_draft = draft.state == RemittanceState.DRAFT
    context: dict[str, Any] = {"draft": draft, "is_draft": is_draft}
    context |= screen.figures(request, draft)
    context |= screen.rows(request, draft, context["now"])
    context["offsets"] = screen.offsets(draft)
    if is_draft:
        suggested = review.suggested_payer(draft) if draft.payer is None else None
        typed = review.typed_by_hand(draft)
        kept = request.session.get(_kept_under(draft), {})
        context |= {
            "form": form or SaveRemittanceForm(initial=kept, dated=draft.date),
            "payer_form": payer_form
            or ChoosePayerForm(initial={"payer": str(draft.payer or suggested or "")}),
            "asks_payer": not draft.payer or payer_form or request.GET.get("change") == "payer",
            "typed": typed,
            "levels": screen.levels(draft) if context["now"].to_check > 1 else [],
        }
        items = [{"href": each.href, "text": each.text} for each in problems]
        for bound, name in ((form, "date"), (form, "over_reason"), (payer_form, "payer")):
            if bound is not None:
                items += [
                    {"href": f"#id_{name}", "text": str(text)}
                    for text in bound.errors.get(name, ())
                ]
        if form is not None:
            items += [
                {"href": "", "text": str(text)}
                for name in ("key", NON_FIELD_ERRORS)
                for text in form.errors.get(name, ())
            ]
        if items:
            context["error_summary"] = error_summary("This payment is not saved yet.", items)
        # Offered where nothing but that keeps the payment from being saved.
        now = context["now"]
        if form is not None and items and now.over and not now.to_check and len(problems) <= 1:
            context["offers_over"] = True
            context["may_over_allocate"] = may_over_allocate(request.user)
    page = "_rows" if request.htmx and request.method != "POST" else "detail"
    return render(request, f"{FOLDER}/{page}.html", context)


# ---------------------------------------------------------------------------- one row


@require_http_methods(["GET", "HEAD", "POST"])
def remittance_row(request: DeskRequest, pk: int, row: int) -> HttpResponse:
    """One row: all the insurer says about it, its session, its amounts."""
    draft = get_object_or_404(Remittance.objects.with_names(), pk=pk)
    found = get_object_or_404(screen.with_names(draft.rows.all()), pk=row)
    is_draft = draft.state == RemittanceState.DRAFT
    form = RowAmountsForm(request.POST if "amounts" in request.POST else None, row=found)
    if request.method == "POST" and not (form.is_bound and not form.is_valid()):
        return _change_row(request, draft, found, form)
    typed = unseal(request.GET.get("q", "")).strip()
    lines: list[InvoiceLine] = []
    if draft.payer and is_draft and found.claim.posts:
        lines = (
            review.find_lines(draft.payer, typed)
            if typed
            else review.candidates(found, draft.payer)
        )
    context: dict[str, Any] = {
        "draft": draft,
        "row": found,
        "is_draft": is_draft,
        "form": form,
        "lines": [line for line in lines if line.pk != found.line_id],
        "typed": typed,
        "back": _here(request, draft, found),
        "raw": _raw(draft, found) if "raw" in request.GET else None,
    }
    if form.errors:
        items = [
            {"href": f"#id_{name}", "text": f"{form[name].label}: {text}"}
            for name, texts in form.errors.items()
            for text in texts
        ]
        context["error_summary"] = error_summary("These amounts are not kept yet.", items)
    return render(request, f"{FOLDER}/row.html", context)


def _change_row(
    request: DeskRequest, draft: Remittance, found: RemittanceRow, form: RowAmountsForm
) -> HttpResponse:
    action, _, about = request.POST.get("action", "").partition(":")
    try:
        with review.changing(draft.pk) as locked:
            row = review.row_of(locked, found.pk)
            if form.is_bound:
                review.change_amounts(row, form.amounts)
                review.decide(row, form.cleaned_data["decision"])
            elif action == "place" and locked.payer:
                review.place(row, review.line_for(locked.payer, _number(about)))
            elif action == "take-off":
                review.take_off(row)
            elif action in ROW_ACTIONS:
                ROW_ACTIONS[action](row)
            else:
                raise ReviewError("That is nothing this page can do.")
    except ReviewError as error:
        messages.error(request, str(error))
        return redirect(draft)
    if action == "take-off":
        return redirect(request.get_full_path())
    return redirect(_here(request, draft, found))


def _raw(draft: Remittance, row: RemittanceRow) -> list[str]:
    """The segments a row came from: those of its claim down to its own."""
    segments = list(
        segments_of(
            draft.file.content, draft.position, row.claim.first_segment, row.claim.last_segment
        )
    )
    return segments[:400]
