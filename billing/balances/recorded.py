"""Whether these books have begun."""

from __future__ import annotations

from billing.models import Invoice, Payment, Remittance


def money_is_recorded() -> bool:
    """Whether there is anything yet that was charged, paid, or announced by an insurer. Fees are
    prices; they are recorded on a line when it is billed."""
    return any(model.objects.exists() for model in (Invoice, Payment, Remittance))
