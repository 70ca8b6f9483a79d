"""Insurers as business partners: what waits with each, and the account of its offsets."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import balances
from patients.http import DeskRequest
from patients.models import Payer

FOLDER = "billing/payers"
FIRST = 25  # payments or denials of one payer
WORTH_SHOWING = 200  # denials, the oldest first: nobody deals with more in a day


@require_safe
def payer_list(request: DeskRequest) -> HttpResponse:
    """Every insurer: what sessions wait for it, what of its money waits, what is owed to it."""
    rows = balances.payer_standings()
    context = {"rows": rows, "total": balances.payers_total(rows)}
    return render(request, f"{FOLDER}/list.html", context)


@require_safe
def payer_account(request: DeskRequest, payer: int) -> HttpResponse:
    """One insurer: payments not shared out, denials, and its offsets with a running balance."""
    found = get_object_or_404(Payer, pk=payer)
    day = timezone.localdate()
    context = {
        "payer": found,
        "standing": balances.payer_standing(found),
        "waiting": balances.unallocated_of_payers(day=day, first=FIRST, payer=found),
        "over": balances.over_allocated_of_payers(day=day, first=FIRST, payer=found),
        "denials": balances.denials(day=day, first=FIRST, payer=found),
        "offsets": balances.offset_account(found),
        "forwards": balances.open_forwards(found),
    }
    return render(request, f"{FOLDER}/account.html", context)


@require_safe
def denial_list(request: DeskRequest) -> HttpResponse:
    """Everything insurers denied and still owe an answer on, the oldest first."""
    denials = balances.denials(day=timezone.localdate(), first=WORTH_SHOWING)
    return render(request, f"{FOLDER}/denials.html", {"denials": denials})
