"""The remittances the tests read, and the figures of one in the shape of `expected/*.json`."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path
from typing import Any

from billing.era.importing import read_file
from billing.era.remittance import Claim, File, Party, Row, RowKind, Transaction

HERE = Path(__file__).resolve().parents[1] / "data/era"
SHARED = Path(__file__).resolve().parents[3] / "shared/era/samples"

KINDS = {
    RowKind.LINE: "line",
    RowKind.WHOLE_CLAIM: "whole claim",
    RowKind.CLAIM_LEVEL: "claim level, to be placed",
}


def samples() -> list[Path]:
    """Ours, and the two whose licence keeps them out of the repository, where they are."""
    files = sorted((HERE / "samples").glob("*.*")) + sorted(SHARED.glob("mjpete3*.*"))
    assert len(files) > 20
    return files


def expected_of(sample: Path) -> list[dict[str, Any]]:
    text = (sample.parent / "expected" / f"{sample.name}.json").read_text(encoding="utf-8")
    expected: list[dict[str, Any]] = json.loads(text)
    return expected


def malformed() -> list[tuple[str, str, str, str]]:
    """(file, refuse or import, code, what the message must say)"""
    with (HERE / "malformed/expected.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t"))[1:]
    return [(name, outcome, code, says) for name, outcome, code, says in rows]


def constructed(number: int) -> bytes:
    (file,) = (HERE / "constructed").glob(f"c{number}_*.835")
    return file.read_bytes()


def one_transaction(data: bytes) -> Transaction:
    """The transaction of a file that holds one and can be imported."""
    file = read_file(data)
    assert file.all_refusals == ()
    (transaction,) = file.importable()
    return transaction


def figures(file: File) -> list[Any]:
    """Everything that must not depend on how a file is written down."""
    return [
        {**shape(one), "isa13": "", "st": "", "warned": [warning.code for warning in one.warnings]}
        for one in file.transactions
    ]


# ---------------------------------------------------------------------------- the shape


def shape(transaction: Transaction) -> dict[str, Any]:
    payment = transaction.payment
    return {
        "st": transaction.number,
        "isa13": transaction.interchange,
        "payment": {
            "payer": _party(payment.payer),
            "payee": _party(payment.payee),
            "amount": str(payment.amount),
            "date": payment.date_text,
            "method": payment.method,
            "handling": payment.handling,
            "reference": payment.reference,
            "originator": payment.originator,
            "produced": payment.produced,
        },
        "claims": [_claim(claim) for claim in transaction.claims],
        "provider_adjustments": [
            {
                "code": one.code,
                "meaning": one.meaning,
                "ref": one.reference,
                "plb_amount": str(one.amount),
                "effect": str(one.effect),
            }
            for one in transaction.provider_adjustments
        ],
        "totals": {
            "allocations": str(transaction.allocations),
            "provider_adjustments": str(transaction.effects),
            "unallocated": str(transaction.unallocated),
        },
    }


def _party(party: Party) -> dict[str, str]:
    found = {"name": party.name} if party.name else {}
    if party.id:
        found[f"id_{party.qualifier}"] = party.id
    return found | {f"ref_{kind}": value for kind, value in party.references}


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "index": claim.index,
        "control": claim.control,
        "status": claim.status,
        "meaning": claim.meaning,
        "posted": claim.posts,
        "patient": claim.patient.last,
        "first": claim.patient.first,
        "member": claim.patient.id,
        "corrected_name": claim.corrected.name if claim.corrected else "",
        "forwarded_to": claim.forwarded_to,
        "payer_claim": claim.payer_claim,
        "original_ref": claim.original,
        "charge": str(claim.charge),
        "paid": str(claim.paid),
        "rows": [_row(row) for row in claim.rows],
        "patient_billed": claim.posts and not claim.forwarded,
    }


def _row(row: Row) -> dict[str, Any]:
    amounts = row.amounts
    patient = {
        "deductible": amounts.deductible,
        "coinsurance": amounts.coinsurance,
        "copay": amounts.copay,
        "patient_other": amounts.other,
    }
    of_a_line = (
        {
            "code": row.code,
            "adjudicated": row.line.paid_code,
            "modifiers": list(row.line.modifiers),
            "remarks": list(row.remarks),
        }
        if row.line
        else {}
    )
    return {
        "kind": KINDS[row.kind],
        "control": row.control,
        **of_a_line,
        "date": _date(row.date),
        "charge": str(row.charge),
        "allocation": str(amounts.allocation),
        "write_off": str(amounts.write_off),
        "patient": {kind: str(amount) for kind, amount in patient.items() if amount},
        "patient_total": str(amounts.patient),
        "prior_payer": str(row.prior_payer),
        "review": str(row.review),
        "look_at": [
            f"{one.code} {one.amount}" for one in row.adjustments if one.needs_look and one.amount
        ],
        "codes": [f"{one.code} {one.amount}" for one in row.adjustments],
    }


def _date(day: datetime.date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""
