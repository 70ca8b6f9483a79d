"""Find (Ctrl+K) in a clinic of very many patients: `python -m benchmarks.finding [--patients 100000]`.

The list under the box as the browser asks for it, through all middleware, as an administrator, who
may be shown everything; network and browser not counted. Each way of looking is asked a hundred
times: for patients that were added to the demo clinic, and for the demo's receipts and invoices.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from collections.abc import Callable

import django

from benchmarks.million import on_each_engine

TIMES = 100


def one_engine(patients: int) -> None:
    """On the database of the environment, which is new and empty; prints the rows of the table."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from benchmarks.search import someone_new
    from billing.models import Invoice, Payment
    from patients.models import Patient

    call_command("migrate", verbosity=0)
    call_command("demo", once=True, stdout=sys.stderr)
    chance = random.Random(7)
    people = Patient.objects.bulk_create(
        (someone_new(chance, number) for number in range(patients)), batch_size=2_000
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    people = chance.choices(people, k=TIMES)
    receipts = list(Payment.objects.exclude(number=None).values_list("number", flat=True)[:TIMES])
    invoices = list(Invoice.objects.exclude(number=None).values_list("number", flat=True)[:TIMES])
    typed: dict[str, Callable[[int], str]] = {
        "one letter": lambda n: people[n].family_name[0],
        "two letters": lambda n: people[n].family_name[:2],
        "family name": lambda n: people[n].family_name,
        "both names": lambda n: f"{people[n].family_name} {people[n].given_name}",
        "chart number": lambda n: people[n].chart_number,
        "phone": lambda n: people[n].phone,
        "birth date": lambda n: people[n].birth_date.isoformat(),
        "receipt": lambda n: receipts[n % len(receipts)],
        "invoice": lambda n: invoices[n % len(invoices)],
        "nobody": lambda n: f"xqj{n}",
    }
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(get_user_model().objects.get(username="admin"))
    address = reverse("billing:find_anything")
    for what, text in typed.items():
        times = []
        for n in range(-3, TIMES):  # the first three are not counted
            start = time.perf_counter()
            answer = browser.post(address, {"q": text(n)})
            times += [(time.perf_counter() - start) * 1000] if n >= 0 else []
            assert answer.status_code == 200, (what, answer.status_code)
        p95 = statistics.quantiles(times, n=20)[-1]
        print(
            f"| {what} | {connection.vendor} | {Patient.objects.count():,} |"
            f" {statistics.median(times):.1f} | {p95:.1f} | {max(times):.1f} |",
            flush=True,
        )


def main() -> None:
    head = "| typed | database | patients | median ms | p95 | slowest |"
    for number, (_engine, row) in enumerate(
        on_each_engine("benchmarks.finding", __doc__, one_engine)
    ):
        if number == 0:
            print(f"{head}\n| --- | --- |{' --: |' * 4}")
        print(row, flush=True)


if __name__ == "__main__":
    main()
