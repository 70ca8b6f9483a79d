"""Claims as Synthea exports them (CSV), read into our words; nothing is written here.

A claim is an invoice. Each CHARGE of it is a line, and the rows up to the next CHARGE say what
happened to that line, in order: payments, and transfers of who owes the rest. The files have no
write-offs. `read` takes in everything before anything is posted, so that a damaged row stops the
import while the database is still untouched.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from billing.imports.csv_files import ImportRefused, Row, rows_of
from billing.models import Method

# ECHECK is the insurer's; everything else came from the patient.
INSURER = "ECHECK"
METHODS = {
    "COPAY": Method.COPAY,
    "CASH": Method.CASH,
    "CHECK": Method.CHECK,
    "CC": Method.CARD,
    INSURER: Method.EFT,
}
NOBODY = ("", "0")
UNINSURED = "NO_INSURANCE"


@dataclass(frozen=True)
class Person:
    id: str
    given_name: str
    family_name: str
    birth_date: datetime.date


@dataclass
class Policy:
    """A patient's coverage; Synthea writes one row a year, ours runs on while nothing changes."""

    patient: str
    payer: str
    member_id: str
    rank: int
    start: datetime.date
    end: datetime.date  # the first day it no longer holds


@dataclass(frozen=True)
class Paid:
    """A PAYMENT row. `payer` names the insurer; empty, it was the patient."""

    id: str
    method: str  # as the file says it
    payer: str
    date: datetime.date
    amount: Decimal


@dataclass
class Charge:
    """A CHARGE row and the payments under it. `payer` owes at first, `owes_now` in the end."""

    code: str
    description: str
    units: int
    unit_amount: Decimal
    amount: Decimal
    date: datetime.date
    payer: str
    owes_now: str
    payments: list[Paid] = field(default_factory=list)


@dataclass
class Claim:
    id: str
    patient: str
    provider: str
    visit: str
    date: datetime.date
    charges: list[Charge] = field(default_factory=list)


@dataclass
class Export:
    """Everything a folder holds. People are those of the files, by Synthea's ids."""

    patients: dict[str, Person]
    providers: dict[str, str]
    payers: dict[str, str]
    policies: list[Policy]
    claims: list[Claim]

    @property
    def payments(self) -> list[Paid]:
        return [
            paid for claim in self.claims for charge in claim.charges for paid in charge.payments
        ]


def read(folder: Path) -> Export:
    """Read and check a folder. Refused (ImportRefused): anything missing, damaged or unknown."""
    if not folder.is_dir():
        raise ImportRefused(f"There is no folder {folder}.")
    patients = _patients(folder)
    providers = _names(folder, "providers.csv", longest=70)
    payers = _names(folder, "payers.csv", longest=120)
    insurers = {key: name for key, name in payers.items() if name != UNINSURED}
    policies = _policies(folder, patients, payers, insurers)
    claims = _claims(folder, patients, providers, payers, insurers)
    return Export(patients, providers, insurers, policies, claims)


def _patients(folder: Path) -> dict[str, Person]:
    found: dict[str, Person] = {}
    for row in rows_of(folder, "patients.csv", ["Id", "BIRTHDATE", "FIRST", "LAST"]):
        person = Person(
            id=row.needed("Id", longest=36),
            given_name=row.needed("FIRST", longest=80),
            family_name=row.needed("LAST", longest=80),
            birth_date=row.day("BIRTHDATE"),
        )
        if person.id in found:
            row.refuse(f"the Id {person.id} was there before")
        found[person.id] = person
    return found


def _names(folder: Path, file: str, *, longest: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows_of(folder, file, ["Id", "NAME"]):
        key = row.needed("Id", longest=36)
        if key in found:
            row.refuse(f"the Id {key} was there before")
        found[key] = row.needed("NAME", longest=longest)
    return found


def _policies(
    folder: Path, patients: dict[str, Person], payers: dict[str, str], insurers: dict[str, str]
) -> list[Policy]:
    columns = ["PATIENT", "MEMBERID", "START_YEAR", "END_YEAR", "PAYER", "SECONDARY_PAYER"]
    found: list[Policy] = []
    latest: dict[tuple[str, int], Policy] = {}
    for row in rows_of(folder, "payer_transitions.csv", columns):
        patient = _known(row, "PATIENT", patients)
        for rank, column in enumerate(["PAYER", "SECONDARY_PAYER"], start=1):
            payer = _known_or_nobody(row, column, payers)
            if payer not in insurers:
                continue
            policy = Policy(
                patient=patient,
                payer=payer,
                member_id=row.text("MEMBERID", longest=40) if rank == 1 else "",
                rank=rank,
                start=row.day("START_YEAR"),
                end=row.day("END_YEAR"),
            )
            if policy.end < policy.start:
                row.refuse("the coverage ends before it begins")
            before = latest.get((patient, rank))
            if before and _goes_on(before, policy):
                before.end = policy.end
            else:
                latest[patient, rank] = policy
                found.append(policy)
    return found


def _goes_on(before: Policy, policy: Policy) -> bool:
    same = (before.payer, before.member_id) == (policy.payer, policy.member_id)
    return same and before.end == policy.start


def _claims(
    folder: Path,
    patients: dict[str, Person],
    providers: dict[str, str],
    payers: dict[str, str],
    insurers: dict[str, str],
) -> list[Claim]:
    primary, secondary = "PRIMARYPATIENTINSURANCEID", "SECONDARYPATIENTINSURANCEID"
    columns = ["Id", "PATIENTID", "PROVIDERID", primary, secondary, "APPOINTMENTID"]
    readers: dict[str, _ClaimReader] = {}
    for row in rows_of(folder, "claims.csv", columns):
        claim = Claim(
            id=row.needed("Id", longest=36),
            patient=_known(row, "PATIENTID", patients),
            provider=_known(row, "PROVIDERID", providers),
            visit=row.text("APPOINTMENTID", longest=36),
            date=datetime.date.max,
        )
        if claim.id in readers:
            row.refuse(f"the Id {claim.id} was there before")
        owing = (_known_or_nobody(row, column, payers) for column in (primary, secondary))
        readers[claim.id] = _ClaimReader(
            claim, *(payer if payer in insurers else "" for payer in owing)
        )
    seen: set[str] = set()
    for row in rows_of(folder, "claims_transactions.csv", _ClaimReader.COLUMNS):
        key = row.needed("ID", longest=36)
        if key in seen:
            row.refuse(f"the ID {key} was there before")
        seen.add(key)
        readers[_known(row, "CLAIMID", readers)].take(row)
    return [reader.claim for reader in readers.values() if reader.claim.charges]


class _ClaimReader:
    """Takes the transactions of one claim, in order."""

    COLUMNS = [
        "ID",
        "CLAIMID",
        "PATIENTID",
        "TYPE",
        "AMOUNT",
        "METHOD",
        "FROMDATE",
        "PROCEDURECODE",
        "UNITS",
        "NOTES",
        "UNITAMOUNT",
        "TRANSFERTYPE",
        "PAYMENTS",
        "ADJUSTMENTS",
        "PROVIDERID",
    ]

    def __init__(self, claim: Claim, primary: str, secondary: str) -> None:
        self.claim = claim
        self.payers = {"1": primary, "2": secondary, "p": ""}

    def take(self, row: Row) -> None:
        kinds: dict[str, Callable[[Row], None]] = {
            "CHARGE": self._charge,
            "PAYMENT": self._payment,
            "TRANSFERIN": self._transfer,
            "TRANSFEROUT": lambda row: None,  # the TRANSFERIN after it says where to
        }
        kind = kinds.get(row.text("TYPE"))
        if kind is None:
            row.refuse(f"TYPE is {row.text('TYPE')!r}, which this import does not know")
        if row.text("ADJUSTMENTS") not in ("", "0", "0.00"):
            row.refuse("ADJUSTMENTS has an amount, which this import does not know")
        if row.text("PATIENTID") != self.claim.patient:
            row.refuse("PATIENTID is not the claim's patient")
        if row.text("PROVIDERID") != self.claim.provider:
            row.refuse("PROVIDERID is not the claim's provider")
        if not self.claim.charges and kind != self._charge:
            row.refuse("the claim has no CHARGE before this row")
        kind(row)

    def _charge(self, row: Row) -> None:
        owes = self._payer(row)
        day = row.day("FROMDATE")
        # The bill is of the visit's first day; a charge after midnight is of the next.
        self.claim.date = min(self.claim.date, day)
        self.claim.charges.append(
            Charge(
                code=row.needed("PROCEDURECODE", longest=20),
                description=row.needed("NOTES", longest=160),
                units=row.count("UNITS"),
                unit_amount=row.amount("UNITAMOUNT"),
                amount=row.amount("AMOUNT"),
                date=day,
                payer=owes,
                owes_now=owes,
            )
        )

    def _payment(self, row: Row) -> None:
        method = row.needed("METHOD")
        if method not in METHODS:
            row.refuse(f"METHOD is {method!r}, which this import does not know")
        line = self.claim.charges[-1]
        if method == INSURER and not line.owes_now:
            row.refuse(f"{INSURER} comes from an insurer, and none owes this line")
        amount = row.amount("PAYMENTS")
        if not amount:
            row.refuse("PAYMENTS is nothing")
        line.payments.append(
            Paid(
                id=row.needed("ID", longest=36),
                method=method,
                payer=line.owes_now if method == INSURER else "",
                date=row.day("FROMDATE"),
                amount=amount,
            )
        )

    def _transfer(self, row: Row) -> None:
        self.claim.charges[-1].owes_now = self._payer(row)

    def _payer(self, row: Row) -> str:
        kind = row.text("TRANSFERTYPE")
        if kind not in self.payers:
            row.refuse(f"TRANSFERTYPE is {kind!r}, which this import does not know")
        payer = self.payers[kind]
        if kind == "2" and not payer:
            row.refuse("the rest goes to a secondary insurer, and the claim names none")
        return payer


def _known(row: Row, column: str, known: object) -> str:
    key = row.needed(column, longest=36)
    if key not in known:  # type: ignore[operator]
        row.refuse(f"{column} {key} is in no other file")
    return key


def _known_or_nobody(row: Row, column: str, payers: dict[str, str]) -> str:
    return "" if row.text(column) in NOBODY else _known(row, column, payers)
