"""The clinic that `benchmarks.hand` types in, in the database of the environment."""

from __future__ import annotations

import datetime
import os
import sys
from decimal import Decimal


def main(rows: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from billing import ledger
    from billing.models import Invoice, InvoiceLine
    from patients.models import Patient, Payer, Provider

    by = get_user_model().objects.create_superuser("hand", password="remit-demo")
    provider = Provider.objects.create(name="Dr Hand")
    payer = Payer.objects.create(name="Bench Health", payer_id="60001")
    day = timezone.localdate() - datetime.timedelta(days=30)
    for number in range(-(-rows // 10)):
        patient = Patient.objects.create(
            family_name=f"Sample{number}", given_name="Robin", birth_date=datetime.date(1980, 5, 17)
        )
        invoice = Invoice.objects.create(patient=patient, created_by=by)
        InvoiceLine.objects.bulk_create(
            InvoiceLine(
                invoice=invoice,
                patient=patient,
                provider=provider,
                payer=payer,
                service_date=day - datetime.timedelta(days=each),
                code="90834",
                description="Psychotherapy, 45 minutes",
                amount=Decimal("100.00"),
            )
            for each in range(min(10, rows - 10 * number))
        )
        ledger.issue_invoice(by=by, invoice=invoice, date=day)


if __name__ == "__main__":
    main(int(sys.argv[1]))
