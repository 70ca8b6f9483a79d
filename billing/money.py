"""Money: how an amount is stored, read from what people type, and printed.

The only module that does any of the three. An amount in Python is a ``Decimal`` with two places;
in the database it is a whole number of cents, because a DecimalField is a float inside SQLite
(there 0.10 + 0.20 = 0.30 is false in a filter, a CHECK and a generated column).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.expressions import Combinable, register_combinable_fields

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
LARGEST = Decimal("99999999.99")  # far above any clinic's payment, far below what BIGINT can hold


# ---------------------------------------------------------------------------- the currency


@dataclass(frozen=True)
class Currency:
    """What amounts are in: its ISO 4217 code, its name, and the sign written before a figure.

    Two decimals each, as every amount is stored.
    """

    code: str
    name: str
    sign: str

    @property
    def typed(self) -> str:
        """The sign as people type it: a space after it is the printer's."""
        return self.sign.rstrip("\u00a0")


CURRENCIES = {
    each.code: each
    for each in (
        Currency("USD", "US dollar", "$"),
        Currency("AUD", "Australian dollar", "$"),
        Currency("CAD", "Canadian dollar", "$"),
        Currency("CHF", "Swiss franc", "CHF\u00a0"),
        Currency("EUR", "Euro", "\u20ac"),
        Currency("GBP", "Pound sterling", "\u00a3"),
        Currency("NZD", "New Zealand dollar", "$"),
        Currency("SGD", "Singapore dollar", "$"),
        Currency("ZAR", "South African rand", "R"),
    )
}
USD = "USD"

_chosen: Callable[[], str] = lambda: USD  # noqa: E731  (replaced when Django starts)


def ask_for_currency(chosen: Callable[[], str]) -> None:
    """Where to ask which currency the clinic's books are in (billing/apps.py says: its settings).

    Handed in, because settings are a model, and models are made of money.
    """
    global _chosen
    _chosen = chosen


def currency() -> Currency:
    """The currency of the clinic's books. It never changes once money is recorded."""
    return CURRENCIES[_chosen()]


# ---------------------------------------------------------------------------- storing


class MoneyField(models.Field):
    """An exact amount of money, stored as whole cents.

    It is not an IntegerField underneath: Django would then infer plain integers for
    ``F("amount") - F("paid")`` and hand out cents where dollars are meant.
    """

    description = "Amount of money, stored in cents"

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        if isinstance(value, int):
            return Decimal(value).quantize(CENT)
        try:
            return parse(str(value))
        except AmountError as error:
            raise ValidationError(str(error)) from error

    def get_prep_value(self, value: Any) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise TypeError(f"Money is a Decimal, not {type(value).__name__}: {value!r}")
        return to_cents(Decimal(value))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        return None if value is None else from_cents(value)

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj))

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": MoneyFormField, **kwargs})


for _sign in (Combinable.ADD, Combinable.SUB):
    register_combinable_fields(MoneyField, _sign, MoneyField, MoneyField)


def to_cents(amount: Decimal) -> int:
    """Whole cents of an exact amount; a fraction of a cent is a programming error."""
    cents = amount.scaleb(2)
    whole = int(cents)
    if whole != cents:
        raise ValueError(f"{amount} has a fraction of a cent")
    return whole


def from_cents(cents: int | Decimal) -> Decimal:
    """The amount that so many cents are. PostgreSQL hands sums of BIGINT back as a Decimal."""
    return Decimal(int(cents)).scaleb(-2)


# ---------------------------------------------------------------------------- reading


class AmountError(ValueError):
    """What was typed is not an amount. The text may be shown at the desk."""


NOT_AN_AMOUNT = "That is not an amount. Use digits, like 120 or 120.50."
TOO_MANY_DECIMALS = "Amounts have two decimals at most."
TOO_LARGE = "That amount is too large. The largest is 99,999,999.99."

_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-"})  # minus sign, en dash
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_TERM = re.compile(rf"\$?({_NUMBER})", re.ASCII)
_AMOUNT = re.compile(rf"(-?) ?\$?({_NUMBER})((?: ?[+-] ?\$?{_NUMBER})*)", re.ASCII)
_STEP = re.compile(rf"([+-]) ?\$?({_NUMBER})", re.ASCII)


def parse(text: str) -> Decimal:
    """The amount somebody typed or pasted.

    Understands 120, 120.5, 1,234.50, $1,234.50 (with the clinic's own sign), -20, (20) and sums
    such as 80+35.50 or 100-20. Everything else is refused with a sentence for the desk
    (AmountError): exponents, other scripts' digits, misplaced separators, a third decimal, a
    signed zero, another currency's sign.
    """
    # Most of what is typed has no sign, and then nobody need be asked which is ours.
    return _parse(text, "" if _UNSIGNED.fullmatch(text) else currency().typed)


_UNSIGNED = re.compile(r"[0-9.,+\-() ]*")


@lru_cache(maxsize=8192)  # a live answer reads the whole form again at every key
def _parse(text: str, sign: str) -> Decimal:
    typed = text.strip(" ").translate(_MINUS)
    if sign and sign != "$":
        if "$" in typed:
            raise AmountError(NOT_AN_AMOUNT)
        typed = re.sub(rf"{re.escape(sign)}[ \u00a0]?", "$", typed)  # read below like a dollar sign
    if len(typed) > 60:
        raise AmountError(TOO_LARGE if set(typed) <= set("0123456789.,$-") else NOT_AN_AMOUNT)
    bracketed = typed.startswith("(") and typed.endswith(")")
    if bracketed:
        typed = typed[1:-1].strip(" ")
        if typed.startswith("-") or not _TERM.fullmatch(typed):
            raise AmountError(NOT_AN_AMOUNT)
    match = _AMOUNT.fullmatch(typed)
    if not match:
        raise AmountError(NOT_AN_AMOUNT)
    minus, first, rest = match.groups()
    total = _exact(first)
    if minus or bracketed:
        if total == 0:
            raise AmountError(NOT_AN_AMOUNT)
        total = -total
    for sign, number in _STEP.findall(rest):
        step = _exact(number)
        total = total + step if sign == "+" else total - step
    if abs(total) > LARGEST:
        raise AmountError(TOO_LARGE)
    return total + ZERO


def _exact(number: str) -> Decimal:
    whole, _, decimals = number.replace(",", "").partition(".")
    if len(decimals) > 2:
        raise AmountError(TOO_MANY_DECIMALS)
    if len(whole.lstrip("0")) > 8:
        raise AmountError(TOO_LARGE)
    return Decimal(f"{whole}.{decimals or '0'}").quantize(CENT)


def parse_or_zero(text: str) -> Decimal:
    """As parse, but an empty box of a grid means nothing was given: 0.00."""
    return parse(text) if text.strip(" ") else ZERO


class MoneyFormField(forms.CharField):
    """An amount box: a text input, because number inputs drop what they do not understand."""

    def __init__(self, **kwargs: Any) -> None:
        for unused in ("max_digits", "decimal_places", "max_length", "strip", "empty_value"):
            kwargs.pop(unused, None)
        super().__init__(strip=False, empty_value=None, **kwargs)
        self.widget.attrs.setdefault("inputmode", "decimal")
        self.widget.attrs.setdefault("autocomplete", "off")

    def to_python(self, value: Any) -> Any:
        text = "" if value is None else str(value)
        if not text.strip(" "):
            return None
        try:
            return parse(text)
        except AmountError as error:
            raise ValidationError(str(error), code="invalid") from error

    def prepare_value(self, value: Any) -> Any:
        return show(value) if isinstance(value, Decimal) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except ValidationError:
            return True


# ---------------------------------------------------------------------------- printing


def show(amount: Decimal) -> str:
    """1,234.50 or -20.00: for table cells, where one currency is understood."""
    return f"{amount + ZERO:,.2f}"


def show_dollars(amount: Decimal) -> str:
    """$1,234.50 or -$20.00, with the sign of the clinic's currency: for totals, buttons and
    sentences. (Called after the currency it was made for; it prints the others as well.)"""
    sign = currency().sign
    return f"-{sign}{-amount:,.2f}" if amount < 0 else f"{sign}{amount + ZERO:,.2f}"
