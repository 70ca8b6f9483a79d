"""How templates print money: `{{ v|money }}`, `{{ v|dollars }}` and `{% money v flag=True %}`.

And `{{ form.date|day }}`, the day that stands in a date field.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django import template
from django.forms import BoundField
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from lucide.templatetags.lucide import lucide

from billing.money import show, show_dollars

register = template.Library()


@register.filter(name="money")
def money_filter(amount: Decimal | None) -> str:
    """1,234.50, for table cells."""
    return "" if amount is None else show(amount)


@register.filter
def dollars(amount: Decimal | None) -> str:
    """$1,234.50, for totals and sentences."""
    return "" if amount is None else show_dollars(amount)


@register.simple_tag
def money(amount: Decimal, *, flag: bool = False) -> SafeString:
    """An amount in a cell: zero is muted; a negative is red with a sign if `flag` asks to act."""
    if amount < 0 and flag:
        icon = lucide("triangle-alert", size=14, aria_hidden="true")
        return format_html('<span class="neg nowrap">{} {}</span>', icon, show(amount))
    if not amount:
        return format_html('<span class="zero">{}</span>', show(amount))
    return format_html("{}", show(amount))


@register.filter
def day(field: BoundField) -> str:
    """What a folded date field holds: today, 14 Nov 2025, or what was typed where that is no date."""
    typed = str(field.value() or "")
    try:
        chosen = date.fromisoformat(typed)
    except ValueError:
        return typed
    return "today" if chosen == timezone.localdate() else f"{chosen:%d %b %Y}"
