"""Files as drafts: what every file must give in the database, whoever sent it."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest

from billing.era.importing import read_file
from billing.models import CodeAction, EraFile, Remittance, RemittanceRow
from billing.remittances.uploading import action_table, upload
from tests.era.files import constructed, samples
from tests.era.writing import PLAIN, interchange, transaction
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_every_sample_is_kept_to_the_cent_and_comes_once() -> None:
    by = UserFactory()
    importable = 0
    for path in samples():
        data = path.read_bytes()
        uploaded = upload(path.name, data, by=by)
        importable += len(uploaded.drafts)
        for draft in uploaded.drafts:
            rows = list(draft.rows.all())
            placed = sum((row.allocation for row in rows), Decimal(0))
            effects = sum((each.effect for each in draft.offsets.all()), Decimal(0))
            assert draft.amount == placed + effects, path.name
            for of_row in parts(rows):
                assert sum((row.charge for row in of_row), Decimal(0)) == sum(
                    (
                        row.allocation + row.write_off + row.patient_owes + row.prior + row.review
                        for row in of_row
                    ),
                    Decimal(0),
                ), path.name
    assert importable > 10
    before = EraFile.objects.count(), Remittance.objects.count(), RemittanceRow.objects.count()
    for path in samples():
        upload(path.name, path.read_bytes(), by=by)
    assert before == (
        EraFile.objects.count(),
        Remittance.objects.count(),
        RemittanceRow.objects.count(),
    )


def parts(rows: list[RemittanceRow]) -> list[list[RemittanceRow]]:
    found: defaultdict[tuple[int, int], list[RemittanceRow]] = defaultdict(list)
    for row in rows:
        found[row.claim_id, row.number].append(row)
    return list(found.values())


def test_the_codes_an_administrator_set_are_used() -> None:
    assert CodeAction.objects.count() > 20  # seeded
    CodeAction.objects.create(group="CO", reason="197", action="write-off", position=1)
    draft = upload("c1.835", constructed(1), by=UserFactory()).drafts[0]
    denied = draft.rows.get(claim__control="RC-1003")
    assert (denied.write_off, denied.review) == (140, 0)


def test_without_any_row_the_seed_is_used() -> None:
    CodeAction.objects.all().delete()
    file = read_file(constructed(1), actions=action_table())
    assert [row.review for row in file.transactions[0].rows][-1] == 140


def test_one_claim_of_many_lines_and_long_words() -> None:
    """Nothing a file holds is too long or too much for a column."""
    lines = [
        piece
        for number in range(200)
        for piece in ("SVC*HC:" + "9" * 48 + "*1*1**1", f"REF*6R*{'L' * 48}{number}")
    ]
    claims = [
        f"CLP*{'C' * 60}*1*200*200**12*{'E' * 80}*11*1",
        f"NM1*QC*1*{'N' * 200}*{'F' * 200}****MI*{'M' * 200}",
        *lines,
    ]
    data = PLAIN.written(interchange([transaction("200", claims)]))
    uploaded = upload("n" * 300, data, by=UserFactory())
    assert [finding.text for _of, finding in uploaded.refused] == []
    assert uploaded.drafts[0].rows.count() == 200
