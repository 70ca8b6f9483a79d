"""The clinics that are measured: built in bulk, and yet books like any other."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from benchmarks.builder import Builder
from billing import balances, checks
from billing.models import Deposit, InvoiceLine, Payment
from patients.models import Session

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> None:
    call_command("demo", patients=2, verbosity=0)
    Builder(2_000, say=lambda words: None).write()


def test_it_has_so_many_lines_and_its_books_hold(clinic: None) -> None:
    assert InvoiceLine.objects.count() == 2_000
    assert checks.run_all() == []


def test_all_that_happens_in_a_clinic_happened(clinic: None) -> None:
    assert Payment.objects.receipts().of_payers().exists()
    assert Payment.objects.filter(kind="reversal").exists()
    assert Payment.objects.with_credit().exists()
    assert InvoiceLine.objects.drafted().exists()
    assert Session.objects.exists()
    assert Deposit.objects.exists()
    assert balances.denied().exists()


def test_whoever_signs_into_the_demo_signs_in(clinic: None) -> None:
    assert get_user_model().objects.get(username="frontdesk").check_password("remit-demo")
