"""An insurer's remittance (835) for sessions of the demo clinic, as it would come by itself.

python -m tests.tour.remittance FILE      (reads the clinic of the environment)
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.era.writing import PLAIN, interchange, transaction

CENT = Decimal("0.01")


def remittance(lines: Iterable[Any], *, payer: Any, clinic: Any, today: datetime.date) -> bytes:
    """A file that answers these lines: 80 % paid, 10 % written off by contract, the rest the
    patient's coinsurance. Everything adds up, as a payer's file has to."""
    segments, total = [], Decimal(0)
    for line in lines:
        written_off = owed = (line.amount / 10).quantize(CENT)
        paid = line.amount - written_off - owed
        total += paid
        segments += [
            f"CLP*{line.claim_number}*1*{line.amount}*{paid}*{owed}*12*PC{line.pk}",
            f"NM1*QC*1*{line.patient.family_name}*{line.patient.given_name}",
            f"SVC*HC:{line.code}*{line.amount}*{paid}",
            f"DTM*472*{line.service_date:%Y%m%d}",
            f"CAS*CO*45*{written_off}",
            f"CAS*PR*2*{owed}",
            *([f"REF*6R*{line.control_number}"] if line.control_number else []),
        ]
    header = (
        f"DTM*405*{today:%Y%m%d}",
        f"N1*PR*{payer.name.upper()}",
        f"REF*2U*{payer.payer_id}",
        f"N1*PE*{clinic.name.upper()}*XX*{clinic.npi}",
        "LX*1",
    )
    body = transaction(str(total), segments, reference="EFT-990417", header=header)
    body[0] = f"{body[0][:-8]}{today:%Y%m%d}"
    return PLAIN.written(interchange([body]))


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.utils import timezone

    from billing.models import Clinic, InvoiceLine
    from patients.models import Payer

    payer = Payer.objects.get(name="Kestrel Mutual")
    lines = InvoiceLine.objects.open().filter(payer=payer).exclude(claim_number="")
    answered = list(lines.filter(paid=0).select_related("patient").order_by("service_date")[:6])
    today = timezone.localdate()
    data = remittance(answered, payer=payer, clinic=Clinic.objects.get(), today=today)
    Path(sys.argv[1]).write_bytes(data)


if __name__ == "__main__":
    main()
