"""Drafts of insurance payments: kept while somebody types, found again, discarded."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing.forms.drafts import kept, nothing_in
from billing.forms.grid import row_keys
from billing.forms.offsets import offset_keys
from billing.forms.payment_grid import PaymentGrid
from billing.forms.payments import InsurancePaymentForm
from billing.models import PaymentDraft, Submission
from patients.cards import NO_CARD, holds_card_number
from patients.http import DeskRequest

FOLDER = "billing/insurance_payments"
TOO_MUCH = "Not saved: this is too much for a draft. Save the payment."


@require_POST
def insurance_payment_draft(request: DeskRequest) -> HttpResponse:
    """Keep what is typed so far. No money row is written; whoever typed last owns the draft."""
    draft, problem = keep(request)
    context = {"draft": draft, "problem": problem}
    return render(request, f"{FOLDER}/_draft_state.html", context)


@require_safe
def insurance_payment_draft_kept(request: DeskRequest, key: uuid.UUID) -> HttpResponse:
    """Which state of a draft is kept, for a page that was reloaded while the last of it was sent."""
    draft = PaymentDraft.objects.unfinished().filter(key=key).first()
    return JsonResponse({"kept": draft.version if draft else ""})


@require_safe
def insurance_payment_drafts(request: DeskRequest) -> HttpResponse:
    """Every payment that somebody began and did not save, the latest first."""
    drafts = PaymentDraft.objects.unfinished().with_names().newest_first()
    context = {"drafts": drafts[:200], "today": timezone.localdate()}
    return render(request, f"{FOLDER}/drafts.html", context)


@require_POST
def insurance_payment_discard(request: DeskRequest, key: uuid.UUID) -> HttpResponse:
    """Throw a draft away. It never was in the books."""
    draft = get_object_or_404(PaymentDraft.objects.with_names(), key=key)
    draft.delete()
    whose = draft.payer.name if draft.payer else "a payment"
    messages.success(request, f"The draft of {whose} is discarded.")
    back = "today" if request.POST.get("from") == "today" else "insurance_payment_drafts"
    return redirect(f"billing:{back}")


def keep(request: DeskRequest) -> tuple[PaymentDraft | None, str]:
    """Write the draft of the form that was posted; the draft, or why there is none."""
    try:
        key = uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        return None, "Not saved: this form is too old."
    fields = kept(request.POST)
    if fields is None:
        return None, TOO_MUCH
    if any(holds_card_number(str(text)) for text in fields.values()):
        return None, f"Not saved. {NO_CARD}"
    form = InsurancePaymentForm(request.POST)
    amount, problem = form.typed_amount
    payer = form.chosen_payer
    grid = PaymentGrid(
        lines=row_keys(request.POST),
        data=request.POST,
        amount=amount,
        payer=payer,
        from_insurer=True,
        amount_problem=problem,
        offsets=offset_keys(request.POST),
    )
    typed = {
        "owner": request.user,
        "payer": payer,
        "data": fields,
        "amount": amount,
        "unallocated": grid.sharing.unallocated if grid.known else None,
        "updated_at": timezone.now(),
    }
    with transaction.atomic():
        if Submission.objects.filter(key=key).exists():
            return None, ""  # the payment was saved meanwhile
        known = PaymentDraft.objects.filter(key=key)
        if nothing_in(fields) and not known.exists():
            return None, ""
        draft, _new = PaymentDraft.objects.update_or_create(key=key, defaults=typed)
    return draft, ""
