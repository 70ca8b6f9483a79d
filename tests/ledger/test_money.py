"""Money: what people type, how it is kept to the cent, how it is printed."""

from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Max, Min, Sum, Value
from django.db.models.functions import Coalesce

from billing.models import Fee, InvoiceLine, Service
from billing.money import (
    LARGEST,
    ZERO,
    AmountError,
    MoneyField,
    MoneyFormField,
    from_cents,
    parse,
    parse_or_zero,
    show,
    show_dollars,
    to_cents,
)
from billing.templatetags import money as filters
from patients.models import Patient, Provider
from tests.factories import FeeFactory, LineFactory, PaymentFactory, ServiceFactory
from tests.factories.bills import day, money
from tests.support.odd_amounts import AMOUNTS, NOT_AMOUNTS, TOO_FINE, TOO_LARGE

# --- Reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "amount"), AMOUNTS.items())
def test_an_amount_is_understood(typed: str, amount: str) -> None:
    read = parse(typed)
    assert read == Decimal(amount)
    assert str(read) == amount, "two places, and never a minus before nothing"


@pytest.mark.parametrize("typed", NOT_AMOUNTS)
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(AmountError) as error:
        parse(typed)
    assert str(error.value) == "That is not an amount. Use digits, like 120 or 120.50."


@pytest.mark.parametrize("typed", TOO_FINE)
def test_a_third_decimal_is_refused_and_never_rounded(typed: str) -> None:
    with pytest.raises(AmountError) as error:
        parse(typed)
    assert str(error.value) == "Amounts have two decimals at most."


@pytest.mark.parametrize("typed", TOO_LARGE)
def test_what_is_too_large_is_refused(typed: str) -> None:
    with pytest.raises(AmountError) as error:
        parse(typed)
    assert str(error.value) == "That amount is too large. The largest is 99,999,999.99."


def test_very_long_text_is_refused_quickly() -> None:
    for typed in ("1+" * 100_000 + "1", "x" * 1_000_000, "(" * 100_000):
        with pytest.raises(AmountError):
            parse(typed)


@pytest.mark.parametrize("typed", ["", " ", "   "])
def test_an_empty_box_of_a_grid_is_nothing(typed: str) -> None:
    assert parse_or_zero(typed) == 0
    with pytest.raises(AmountError):
        parse_or_zero("x")


# --- The amount box ------------------------------------------------------------------------------


class Form(forms.Form):
    amount = MoneyFormField()
    perhaps = MoneyFormField(required=False)


def test_the_box_reads_with_the_same_words() -> None:
    form = Form({"amount": "1,234.50", "perhaps": ""})
    assert form.is_valid()
    assert form.cleaned_data == {"amount": Decimal("1234.50"), "perhaps": None}
    for typed in (*NOT_AMOUNTS, *TOO_FINE, *TOO_LARGE):
        form = Form({"amount": typed})
        assert not form.is_valid(), typed
        assert form["amount"].value() == typed, "what was typed is kept"


def test_the_box_is_a_text_box() -> None:
    html = str(Form()["amount"])
    assert 'type="text"' in html
    assert 'inputmode="decimal"' in html


def test_the_box_shows_an_amount_with_two_places() -> None:
    assert 'value="20.00"' in str(Form(initial={"amount": Decimal("20")})["amount"])


# --- Keeping: exact in SQL on both databases -----------------------------------------------------


@pytest.fixture
def dimes(db: None) -> Service:
    """Fees of 0.10 and 0.20, which add up to 0.30 only where no float is in the way."""
    service = ServiceFactory()
    for ago, amount in enumerate(("0.10", "0.20", "0.30")):
        FeeFactory(service=service, amount=money(amount), valid_from=day(ago))
    return service


def test_an_amount_comes_back_as_a_decimal_with_two_places(dimes: Service) -> None:
    amounts = sorted(fee.amount for fee in dimes.fees.all())
    assert [str(amount) for amount in amounts] == ["0.10", "0.20", "0.30"]
    assert {type(amount) for amount in amounts} == {Decimal}


def test_it_is_kept_in_whole_cents(dimes: Service) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT amount FROM billing_fee ORDER BY amount")
        assert [row[0] for row in cursor.fetchall()] == [10, 20, 30]


def test_filters_compare_exactly(dimes: Service) -> None:
    fees = dimes.fees.all()
    assert fees.filter(amount=Decimal("0.1") + Decimal("0.2")).count() == 1
    assert fees.filter(amount__lt=Decimal("0.30")).count() == 2
    assert fees.filter(amount__in=[Decimal("0.10"), Decimal("0.30")]).count() == 2
    assert fees.filter(amount__range=(Decimal("0.10"), Decimal("0.20"))).count() == 2
    assert fees.filter(amount=F("amount") + Decimal("0.10") - Decimal("0.10")).count() == 3


def test_sums_of_columns_are_money_again(dimes: Service) -> None:
    added = dimes.fees.annotate(
        more=F("amount") + F("amount"), none=F("amount") - F("amount")
    ).order_by("amount")
    assert [str(fee.more) for fee in added] == ["0.20", "0.40", "0.60"]
    assert [str(fee.none) for fee in added] == ["0.00"] * 3
    assert dimes.fees.filter(amount=F("amount") + F("amount")).count() == 0


def test_aggregates_are_money_again(dimes: Service) -> None:
    found = dimes.fees.aggregate(sum=Sum("amount"), most=Max("amount"), least=Min("amount"))
    assert [str(each) for each in found.values()] == ["0.60", "0.30", "0.10"]
    nothing = Value(ZERO, output_field=MoneyField())
    none = Fee.objects.filter(pk=0).aggregate(
        sum=Sum("amount"), zero=Coalesce(Sum("amount"), nothing)
    )
    assert none == {"sum": None, "zero": 0}
    assert str(none["zero"]) == "0.00"


def test_a_thousand_dimes_are_a_hundred_dollars(db: None) -> None:
    service = ServiceFactory()
    Fee.objects.bulk_create(
        Fee(service=service, amount=Decimal("0.10"), valid_from=day(n)) for n in range(1000)
    )
    assert str(service.fees.aggregate(sum=Sum("amount"))["sum"]) == "100.00"


def test_the_largest_amounts_add_up(db: None) -> None:
    service = ServiceFactory()
    Fee.objects.bulk_create(
        Fee(service=service, amount=LARGEST, valid_from=day(n)) for n in range(1000)
    )
    assert service.fees.aggregate(sum=Sum("amount"))["sum"] == 1000 * LARGEST


def test_a_generated_column_and_a_check_are_exact(smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="0.30")
    PaymentFactory(patient=smith, provider=dr1, amount="0.10", on={line: "0.10"})
    PaymentFactory(patient=smith, provider=dr1, amount="0.20", on={line: "0.20"})
    line.refresh_from_db()
    assert (str(line.paid), str(line.balance)) == ("0.30", "0.00")
    assert InvoiceLine.objects.filter(balance=0).count() == 1
    assert InvoiceLine.objects.open().count() == 0


def test_a_check_on_an_amount_holds_to_the_cent(dimes: Service) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        FeeFactory(service=dimes, amount=Decimal("-0.01"), valid_from=day(9))
    FeeFactory(service=dimes, amount=ZERO, valid_from=day(9))


@pytest.mark.parametrize("value", [0.1, "0.10", True, 1.0, None])
def test_only_exact_numbers_are_stored(value: Any) -> None:
    if value is None:
        assert MoneyField().get_prep_value(value) is None
        return
    with pytest.raises(TypeError, match="Money is a Decimal"):
        MoneyField().get_prep_value(value)


def test_a_fraction_of_a_cent_is_a_programming_error() -> None:
    for amount in ("0.001", "1.999", "-0.005"):
        with pytest.raises(ValueError, match="fraction of a cent"):
            to_cents(Decimal(amount))
    with pytest.raises((ValueError, ArithmeticError)):
        to_cents(Decimal("NaN"))


@pytest.mark.parametrize("cents", [0, 1, -1, 10, 99, 100, -12345, 999999999999])
def test_cents_there_and_back(cents: int) -> None:
    assert to_cents(from_cents(cents)) == cents
    assert from_cents(Decimal(cents)) == from_cents(cents)
    assert -from_cents(cents).as_tuple().exponent == 2  # type: ignore[operator]


def test_a_fixture_reads_what_it_wrote() -> None:
    field = MoneyField()
    assert field.to_python("120.50") == Decimal("120.50")
    assert field.to_python(5) == Decimal("5.00")
    for text in ("1e9", "NaN", "0.001"):
        with pytest.raises(ValidationError):
            field.to_python(text)


# --- Printing ------------------------------------------------------------------------------------

PRINTED = [
    ("0", "0.00", "$0.00"),
    ("-0", "0.00", "$0.00"),
    ("0.01", "0.01", "$0.01"),
    ("-0.01", "-0.01", "-$0.01"),
    ("20", "20.00", "$20.00"),
    ("-20", "-20.00", "-$20.00"),
    ("999.99", "999.99", "$999.99"),
    ("1000", "1,000.00", "$1,000.00"),
    ("-1234.5", "-1,234.50", "-$1,234.50"),
    ("99999999.99", "99,999,999.99", "$99,999,999.99"),
]


@pytest.mark.parametrize(("amount", "plain", "dollars"), PRINTED)
def test_amounts_are_printed_with_two_places_and_commas(
    amount: str, plain: str, dollars: str
) -> None:
    assert show(Decimal(amount)) == plain
    assert show_dollars(Decimal(amount)) == dollars


@pytest.mark.parametrize(("amount", "plain", "dollars"), PRINTED)
def test_what_is_printed_can_be_typed_again(amount: str, plain: str, dollars: str) -> None:
    assert parse(plain) == parse(dollars) == Decimal(amount)


def test_the_minus_is_a_hyphen_right_before_the_figure() -> None:
    """So that Ctrl+F, a spreadsheet and a test all find it."""
    assert show(Decimal("-20"))[0] == "\u002d"


def test_templates_print_with_the_same_functions() -> None:
    assert filters.register.filters["money"](Decimal("1234.5")) == "1,234.50"
    assert filters.register.filters["dollars"](Decimal("-20")) == "-$20.00"
