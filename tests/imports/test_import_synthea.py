"""Claims nobody here wrote (tests/data/synthea) go in through the ledger's verbs, to the cent."""

import csv
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db.models import QuerySet, Sum

from billing import checks
from billing.models import ClosingDate, Invoice, InvoiceLine, Kind, Payment, Service
from config.roles import ACCOUNTANT, BILLER
from patients.models import Coverage, Patient, Payer, Provider, Session
from tests.factories import UserFactory, give

DATA = Path(__file__).parents[1] / "data" / "synthea"
FILES = ("patients", "payers", "payer_transitions", "providers", "claims", "claims_transactions")
METHODS = {"COPAY": "copay", "CASH": "cash", "CHECK": "check", "CC": "card", "ECHECK": "eft"}


def load(folder: Path) -> str:
    said = StringIO()
    call_command("import_synthea", str(folder), stdout=said)
    return said.getvalue()


def rows(name: str, folder: Path = DATA) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Expected:
    """What the transactions say by themselves: added up here, without any of Remit's code."""

    def __init__(self, folder: Path = DATA) -> None:
        patients = {row["Id"]: f"{row['LAST']}, {row['FIRST']}" for row in rows("patients", folder)}
        self.charges = Decimal(0)
        self.credit = Decimal(0)
        self.by_method: dict[str, Decimal] = defaultdict(Decimal)
        self.payments: Counter[tuple[str, str, str, Decimal]] = Counter()
        left: dict[tuple[str, int], Decimal] = {}
        charges: dict[tuple[str, int], tuple[str, str, str, str, Decimal]] = {}
        transactions: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in rows("claims_transactions", folder):
            transactions[row["CLAIMID"]].append(row)
        for claim, listed in transactions.items():
            number = -1
            for row in listed:
                if row["TYPE"] == "CHARGE":
                    number += 1
                    amount = Decimal(row["AMOUNT"])
                    who, day = patients[row["PATIENTID"]], row["FROMDATE"][:10]
                    charges[claim, number] = (
                        who,
                        day,
                        row["PROCEDURECODE"],
                        row["NOTES"],
                        amount,
                    )
                    left[claim, number] = amount
                    self.charges += amount
                elif row["TYPE"] == "PAYMENT":
                    amount = Decimal(row["PAYMENTS"])
                    left[claim, number] -= amount
                    self.by_method[row["METHOD"]] += amount
                    if row["METHOD"] != "ECHECK":
                        who, day = patients[row["PATIENTID"]], row["FROMDATE"][:10]
                        self.payments[who, day, METHODS[row["METHOD"]], amount] += 1
        self.credit = -sum((rest for rest in left.values() if rest < 0), Decimal(0))
        # A line that was paid more than it asked owes nothing; the rest is credit.
        self.lines = Counter(
            (*charge, max(left[place], Decimal(0))) for place, charge in charges.items()
        )


# --- All of it -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_everything_arrives_to_the_cent() -> None:
    expected = Expected()
    said = load(DATA)

    assert _lines() == expected.lines
    assert _patients_payments() == expected.payments
    assert _total(InvoiceLine.objects.all(), "amount") == expected.charges == Decimal("1092402.73")
    assert _total(InvoiceLine.objects.all(), "balance") == 0
    assert _total(Payment.objects.all(), "amount") == Decimal("1103503.95")
    assert expected.credit == Decimal("11101.22")
    assert _total(Payment.objects.of_patients(), "unallocated") == expected.credit
    assert _total(Payment.objects.of_payers(), "unallocated") == 0
    assert _by_method() == {METHODS[name]: sum_ for name, sum_ in expected.by_method.items()}
    assert _by_method() == {
        "copay": Decimal("28540.00"),
        "eft": Decimal("15473.58"),
        "cash": Decimal("308144.14"),
        "card": Decimal("294697.91"),
        "check": Decimal("456648.32"),
    }
    assert checks.run_all() == []

    assert "1,103,503.95  payments" in said
    assert "1,092,402.73  charges" in said
    assert "11,101.22  unallocated credit" in said
    _assert_insurers_pay_several_lines_at_once()
    _assert_people_are_all_there()
    _assert_the_last_transfer_says_who_owes()

    before = _everything_counted()
    with pytest.raises(CommandError, match="already there"):
        load(DATA)
    assert _everything_counted() == before


def _lines() -> Counter[tuple[str, str, str, str, Decimal, Decimal]]:
    listed = InvoiceLine.objects.issued().select_related("patient")
    return Counter(
        (
            line.patient.name,
            str(line.service_date),
            line.code,
            line.description,
            line.amount,
            line.balance,
        )
        for line in listed
    )


def _patients_payments() -> Counter[tuple[str, str, str, Decimal]]:
    listed = Payment.objects.of_patients().select_related("patient")
    return Counter(
        (payment.received_from, str(payment.date), payment.method, payment.amount)
        for payment in listed
    )


def _total(rows: QuerySet[Any], column: str) -> Decimal:
    return rows.aggregate(total=Sum(column))["total"]


def _by_method() -> dict[str, Decimal]:
    listed = Payment.objects.values_list("method").annotate(total=Sum("amount")).order_by()
    return dict(listed)


def _assert_insurers_pay_several_lines_at_once() -> None:
    checks_received = Payment.objects.of_payers()
    written = [row for row in rows("claims_transactions") if row["METHOD"] == "ECHECK"]
    # One for each payer and day, and each of the 184 rows is an allocation of its own.
    days = set(checks_received.values_list("payer", "date"))
    assert len(days) == checks_received.count() < len(written)
    assert sum(payment.allocations.count() for payment in checks_received) == len(written)
    assert set(checks_received.values_list("kind", flat=True)) == {Kind.RECEIPT}


def _assert_people_are_all_there() -> None:
    assert Patient.objects.filter(family_name="Mosciski958", given_name="Maynard46").count() == 1
    assert Patient.objects.count() == 27
    assert set(Payer.objects.values_list("name", flat=True)) == {
        row["NAME"] for row in rows("payers")
    } - {"NO_INSURANCE"}
    treated = {row["PROVIDERID"] for row in rows("claims_transactions")}
    assert Provider.objects.count() == len(treated)
    members = {row["MEMBERID"] for row in rows("payer_transitions")} - {""}
    assert set(Coverage.objects.filter(rank=1).values_list("member_id", flat=True)) <= members
    assert Invoice.objects.filter(issued_on__isnull=False).count() == 1267
    assert InvoiceLine.objects.filter(session__isnull=True).count() == 0
    codes = {row["PROCEDURECODE"] for row in rows("claims_transactions")}
    assert set(Service.objects.values_list("code", flat=True)) == codes


def _assert_the_last_transfer_says_who_owes() -> None:
    """1,228 lines began with an insurer; 905 came to the patient, 15 to a second insurer."""
    kinds = Counter(
        row["TRANSFERTYPE"]
        for row in rows("claims_transactions")
        if row["TYPE"] in ("CHARGE", "TRANSFERIN")
    )
    assert kinds == {"1": 1228, "p": 317 + 905, "2": 15}
    insured = InvoiceLine.objects.filter(payer__isnull=False)
    assert insured.count() == 1228 - 905


# --- A few claims, and what can be wrong with them -----------------------------------------------


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A folder of ten claims, one of them with both insurers, to spoil."""
    folder = tmp_path / "few"
    shutil.copytree(DATA, folder)
    both = [row for row in rows("claims") if row["SECONDARYPATIENTINSURANCEID"] != "0"][:1]
    chosen = {row["Id"] for row in [*rows("claims")[:9], *both]}
    _change(folder, "claims", lambda row: row if row["Id"] in chosen else None)
    _change(folder, "claims_transactions", lambda row: row if row["CLAIMID"] in chosen else None)
    return folder


def _change(
    folder: Path, name: str, change: Callable[[dict[str, str]], dict[str, str] | None]
) -> None:
    kept = [row for row in map(change, rows(name, folder)) if row is not None]
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(kept[0]))
        writer.writeheader()
        writer.writerows(kept)


def _spoil(folder: Path, name: str, line: int, column: str, value: str) -> None:
    """Write `value` into a column of the row on this line of the file."""
    listed = rows(name, folder)
    listed[line - 2][column] = value
    changed = iter(listed)
    _change(folder, name, lambda row: next(changed))


def _everything_counted() -> list[int]:
    return [
        model._default_manager.count()
        for model in (
            Patient,
            Provider,
            Payer,
            Coverage,
            Session,
            Service,
            Invoice,
            InvoiceLine,
            Payment,
            get_user_model(),
        )
    ]


@pytest.mark.django_db
def test_a_few_claims_arrive_and_only_once(few: Path) -> None:
    expected = Expected(few)
    load(few)
    assert _lines() == expected.lines
    assert _total(Payment.objects.of_patients(), "unallocated") in (None, expected.credit)
    assert checks.run_all() == []
    with pytest.raises(CommandError, match="already there"):
        load(few)


@pytest.mark.django_db
@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(few: Path, name: str) -> None:
    (few / f"{name}.csv").unlink()
    with pytest.raises(CommandError, match=rf"^{name}\.csv is missing in "):
        load(few)
    assert not any(_everything_counted())


@pytest.mark.django_db
def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no folder .*nowhere"):
        load(tmp_path / "nowhere")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "column"), [("patients", "BIRTHDATE"), ("claims_transactions", "PAYMENTS")]
)
def test_a_missing_column_is_named(few: Path, name: str, column: str) -> None:
    _change(few, name, lambda row: {key: row[key] for key in row if key != column})
    with pytest.raises(CommandError, match=rf"^{name}\.csv: there is no column {column}\.$"):
        load(few)
    assert not any(_everything_counted())


# The first claim of the file: line 2 is its CHARGE, 3 and 4 the transfer, 5 the payment.
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "line", "column", "value", "says"),
    [
        ("claims_transactions", 2, "AMOUNT", "77.4.9", "AMOUNT is '77.4.9'"),
        ("claims_transactions", 2, "AMOUNT", "1e3", "AMOUNT is '1e3'"),
        ("claims_transactions", 2, "AMOUNT", "-5.00", "AMOUNT is negative"),
        ("claims_transactions", 2, "AMOUNT", "77.495", "two decimals"),
        ("claims_transactions", 2, "AMOUNT", "", "AMOUNT is empty"),
        ("claims_transactions", 2, "FROMDATE", "2023-02-30", "FROMDATE is not a date"),
        ("claims_transactions", 2, "UNITS", "0", "UNITS is not a number of units"),
        ("claims_transactions", 2, "TYPE", "PAYMENT", "no CHARGE before this row"),
        ("claims_transactions", 2, "CLAIMID", "another", "CLAIMID another is in no other file"),
        ("claims_transactions", 2, "PATIENTID", "another", "not the claim's patient"),
        ("claims_transactions", 2, "NOTES", "x" * 161, "NOTES is longer than 160 characters"),
        ("claims_transactions", 4, "TRANSFERTYPE", "2", "the claim names none"),
        ("claims_transactions", 4, "TRANSFERTYPE", "z", "TRANSFERTYPE is 'z'"),
        ("claims_transactions", 5, "PAYMENTS", "0.00", "PAYMENTS is nothing"),
        ("claims_transactions", 5, "METHOD", "GOLD", "METHOD is 'GOLD'"),
        ("claims_transactions", 5, "METHOD", "ECHECK", "comes from an insurer"),
        ("claims_transactions", 5, "TYPE", "ADJUSTMENT", "TYPE is 'ADJUSTMENT'"),
        ("claims_transactions", 5, "ADJUSTMENTS", "3.00", "ADJUSTMENTS has an amount"),
        ("claims", 2, "PROVIDERID", "nobody", "PROVIDERID nobody is in no other file"),
        ("patients", 3, "BIRTHDATE", "", "BIRTHDATE is empty"),
        ("payers", 2, "NAME", "", "NAME is empty"),
        ("payer_transitions", 2, "END_YEAR", "1066-01-01", "ends before it begins"),
    ],
)
def test_a_damaged_row_is_named_and_leaves_nothing(
    few: Path, name: str, line: int, column: str, value: str, says: str
) -> None:
    _spoil(few, name, line, column, value)
    with pytest.raises(CommandError) as refused:
        load(few)
    assert str(refused.value).startswith(f"{name}.csv, line {line}: ")
    assert says in str(refused.value)
    assert not any(_everything_counted())


@pytest.mark.django_db
def test_a_row_cut_short_is_named(few: Path) -> None:
    file = few / "claims_transactions.csv"
    file.write_text(file.read_text(encoding="utf-8").rstrip()[:-80] + "\n", encoding="utf-8")
    last = len(file.read_text(encoding="utf-8").splitlines())
    with pytest.raises(CommandError, match=rf"csv, line {last}: there are fewer values"):
        load(few)
    assert not any(_everything_counted())


@pytest.mark.django_db
def test_a_file_that_is_no_text_is_named(few: Path) -> None:
    (few / "payers.csv").write_bytes(b"Id,NAME\n1,M\xff\xfe\n")
    with pytest.raises(CommandError, match=r"^payers\.csv is not UTF-8 text"):
        load(few)


@pytest.mark.django_db
def test_a_refusal_of_the_ledger_takes_everything_back(few: Path) -> None:
    """The last claims are of the future: by then most of the rest is already written."""

    def later(row: dict[str, str]) -> dict[str, str]:
        if row["CLAIMID"] == last:
            row["FROMDATE"] = "2999" + row["FROMDATE"][4:]
        return row

    last = rows("claims", few)[-1]["Id"]
    _change(few, "claims_transactions", later)
    with pytest.raises(CommandError, match=rf"claim {last}: The date is in the future"):
        load(few)
    assert not any(_everything_counted())


@pytest.mark.django_db
def test_a_closed_period_is_respected(few: Path) -> None:
    by = get_user_model().objects.create_user("owner")
    ClosingDate.objects.create(closed_through="2024-12-31", created_by=by)
    with pytest.raises(CommandError, match="closed period"):
        load(few)
    assert not InvoiceLine.objects.exists()


@pytest.mark.django_db
def test_the_entries_are_those_of_the_user_named(few: Path) -> None:
    clerk = UserFactory(username="clerk", roles=[ACCOUNTANT])
    with pytest.raises(CommandError, match="You may not enter sessions and bill them"):
        call_command("import_synthea", str(few), by="clerk", stdout=StringIO())
    assert not Payment.objects.exists()
    give(clerk, BILLER)
    call_command("import_synthea", str(few), by="clerk", stdout=StringIO())
    assert set(Payment.objects.values_list("created_by", flat=True)) == {clerk.pk}
    with pytest.raises(CommandError, match="There is no user nobody"):
        call_command("import_synthea", str(few), by="nobody", stdout=StringIO())
