"""Statements for many patients in one go, and one PDF that holds them all."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from billing import balances
from billing.chain.acts import sealing
from billing.documents.issuing import hold, issue_all
from billing.documents.render import Bundle
from billing.documents.statement import statement
from billing.models import Clinic, Document, DocumentKind, StatementBatch
from billing.models.numbering import STATEMENTS, take_number
from patients.models import Patient

CHUNK = 100  # so many statements are read and issued in one transaction


@dataclass
class Batch:
    """Statements in the making. Iterate over `make()`: it says how many are done.

    A chunk is issued in one short transaction, so that no desk waits for all of them. Where it is
    broken off, what was issued stays issued; made again, those are found again and not doubled.
    """

    by: AbstractBaseUser
    patients: Sequence[int]
    first: datetime.date | None
    last: datetime.date
    key: uuid.UUID = field(default_factory=uuid.uuid4)

    def make(self) -> Iterator[int]:
        """Issue and set them all; the last thing it does is to save the batch as `saved`."""
        clinic, bundle, done = Clinic.current(), Bundle(), 0
        issued: list[int] = []
        for start in range(0, len(self.patients), CHUNK):
            documents = self._issue(clinic, self.patients[start : start + CHUNK])
            issued += [document.pk for document in documents]
            printed = ((document.layout, document.data) for document in documents)
            for count in bundle.add(DocumentKind.STATEMENT, printed):
                done += count
                yield done
        self.saved = self._save(issued, bundle.pdf())

    def _issue(self, clinic: Clinic, chunk: Sequence[int]) -> list[Document]:
        with sealing("issue statements", by=self.by):
            return self._held_and_issued(clinic, chunk)

    def _held_and_issued(self, clinic: Clinic, chunk: Sequence[int]) -> list[Document]:
        payers = Patient.objects.in_bulk(chunk)
        dependents = list(
            Patient.objects.filter(guarantor__in=chunk)
            .select_related("guarantor")
            .order_by("guarantor", "birth_date", "pk")
        )
        everybody = [*payers.values(), *dependents]
        hold(patient.pk for patient in everybody)
        found = balances.statements(everybody, first=self.first, last=self.last)
        parts = {pk: [found[pk]] for pk in chunk}
        for patient in dependents:
            if patient.guarantor_id and found[patient.pk].says_something:
                parts[patient.guarantor_id].append(found[patient.pk])
        drafts = [
            statement(clinic, parts[pk], family=len(parts[pk]) > 1) for pk in chunk if pk in payers
        ]
        return issue_all(drafts, by=self.by)

    def _save(self, issued: Sequence[int], pdf: bytes) -> StatementBatch:
        try:
            with transaction.atomic():
                batch = StatementBatch.objects.create(
                    number=take_number(STATEMENTS),
                    key=self.key,
                    period_from=self.first,
                    period_to=self.last,
                    pdf=pdf,
                    created_by_id=self.by.pk,
                )
                batch.documents.add(*issued)
                return batch
        except IntegrityError:  # the same form was sent twice; the other one was faster
            return StatementBatch.objects.get(created_by_id=self.by.pk, key=self.key)
