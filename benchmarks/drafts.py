"""A remittance of 10,000 claims from upload to the books, on SQLite, in a process of its own.

    python -m benchmarks.drafts [claims]

The clinic has a line for every row of the file. Peak memory is what the system says the process
ever held, Python, Django and the uploaded file included. Who times this on a machine that has other
work, too, goes by the seconds of processor time.
"""

from __future__ import annotations

import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.era import CLAIMS, remittance
from tests.support import environment

HEADINGS = ("work", "claims", "rows", "app s", "CPU s", "peak MB")
WIDTHS = (28, 6, 6, 7, 7, 7)


def the_file() -> Path:
    """Beside the database; who measures does not make it, which would take memory, too."""
    return Path(os.environ["SQLITE_PATH"]).with_suffix(".835")


def build(claims: int) -> None:
    """The clinic: a patient, an invoice and its lines for every claim."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from billing import ledger
    from billing.models import Invoice, InvoiceLine, PayerKey
    from patients.models import Coverage, Patient, Payer, Provider

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)  # its first page is opened
    by = get_user_model().objects.create(username="bench", is_superuser=True)
    provider = Provider.objects.create(name="Dr Bench")
    payer = Payer.objects.create(name="Speed Health", payer_id="60054")
    data, sessions = remittance(claims)
    the_file().write_bytes(data)
    from billing.era.importing import read_file
    from billing.era.known import payer_keys

    (found,) = read_file(data).importable()
    kind, value = payer_keys(found.payment)[0]
    PayerKey.objects.create(kind=kind, value=value, payer=payer)
    patients = Patient.objects.bulk_create(
        Patient(
            chart_number=f"P{1000 + number}",
            family_name=f"LAST{number}",
            given_name="FIRST",
            birth_date=datetime.date(1980, 5, 17),
        )
        for number in range(claims)
    )
    Coverage.objects.bulk_create(
        Coverage(patient=patient, payer=payer, member_id=f"M{number}")
        for number, patient in enumerate(patients)
    )
    invoices = Invoice.objects.bulk_create(
        Invoice(patient=patient, created_by=by) for patient in patients
    )
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoices[session.claim],
            patient=patients[session.claim],
            provider=provider,
            payer=payer,
            service_date=session.date,
            code=session.code,
            description=session.code,
            amount=session.charge,
            claim_number=session.claim_control,
            control_number=session.line_control,
        )
        for session in sessions
    )
    day = max(session.date for session in sessions)
    for start in range(0, claims, 500):
        ledger.issue_invoices(by=by, invoices=invoices[start : start + 500], date=day)


def measure(claims: int) -> list[dict[str, Any]]:
    """Upload, the first page, accepting what is not sure, saving."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from billing.models import RowState
    from billing.remittances import posting, review
    from billing.remittances.uploading import upload

    by = get_user_model().objects.get()
    client = Client(headers={"host": "localhost"})
    client.force_login(by)
    results = []
    data = the_file().read_bytes()

    def peak() -> int:
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return held * (1 if sys.platform == "darwin" else 1024) // 1_000_000

    def timed(work: str, act: Any) -> Any:
        start, worked = time.perf_counter(), time.process_time()
        found = act()
        spent, worked = time.perf_counter() - start, time.process_time() - worked
        results.append({"work": work, "app": spent, "cpu": worked, "peak": peak()})
        return found

    uploaded = timed("upload to a reviewed draft", lambda: upload("bench.835", data, by=by))
    (draft,) = uploaded.drafts
    for each in results:
        each["rows"] = draft.rows.count()
    page = timed("open its first page", lambda: client.get(draft.get_absolute_url()))
    assert page.status_code == 200, page
    amber = draft.rows.filter(state=RowState.CHECK)
    # Reversals of claims nobody paid: their money stays with the payer.
    for row in amber.select_related("claim"):
        review.leave_unapplied(row)
    draft.refresh_from_db()
    short = -min(sum(row.allocation for row in draft.rows.filter(state=RowState.UNAPPLIED)), 0)
    draft.amount += short
    draft.save()
    draft.rows.filter(state=RowState.UNAPPLIED).update(allocation=0)

    def save() -> None:
        with review.changing(draft.pk) as locked:
            posting.save(locked, by=by, sure=True)

    timed("save it", save)
    for each in results:
        each.setdefault("rows", draft.rows.count())
        each["claims"] = claims
    return results


def cells(values: tuple[str, ...]) -> str:
    text = [f"{values[0]:<{WIDTHS[0]}}"]
    text += [f"{cell:>{width}}" for cell, width in zip(values[1:], WIDTHS[1:], strict=True)]
    return f"| {' | '.join(text)} |"


def main(claims: int = CLAIMS) -> None:
    assert environment  # imported for what it does: no .env file, REMIT_LOCAL=1
    print(cells(HEADINGS))
    print(cells(("-" * WIDTHS[0], *("--:" for _ in WIDTHS[1:]))))
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder:
        path = str(Path(folder) / "bench.sqlite3")
        inside = {**os.environ, "DATABASE_URL": "", "SQLITE_PATH": path}
        for step in ("--build", "--measure"):
            child = [sys.executable, "-m", "benchmarks.drafts", step, str(claims)]
            answer = subprocess.run(
                child, check=True, stdout=subprocess.PIPE, text=True, env=inside
            )
        for found in json.loads(answer.stdout.splitlines()[-1]):
            counts = (found["work"], str(found["claims"]), str(found["rows"]))
            times = (f"{found['app']:.2f}", f"{found['cpu']:.2f}")
            print(cells((*counts, *times, str(found["peak"]))), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] in (["--build"], ["--measure"]):
        import django

        django.setup()
        if sys.argv[1] == "--build":
            build(int(sys.argv[2]))
        else:
            print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main(*(int(number) for number in sys.argv[1:2]))
