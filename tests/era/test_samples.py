"""Remittances nobody here wrote: each gives exactly the figures worked out for it."""

from pathlib import Path

import pytest

from billing.era.importing import read_file
from billing.money import ZERO
from tests.era.files import expected_of, samples, shape

# What an expectation says about refusals and warnings is in its author's words, not in ours.
WORDS = ("refused", "warned", "importable")


@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.name)
def test_a_sample_gives_its_expected_figures(sample: Path) -> None:
    file = read_file(sample.read_bytes())
    for expected in expected_of(sample):
        if "no ISA envelope: separators guessed" in expected["refused"]:
            assert [one.code for one in file.refusals] == ["E03"]  # we guess nothing
            continue
        same = [
            one
            for one in file.transactions
            if (one.interchange, one.number) == (expected["isa13"], expected["st"])
        ]
        figures = {key: value for key, value in expected.items() if key not in WORDS}
        assert figures in [shape(one) for one in same]
        assert expected["importable"] is any(one in file.importable() for one in same)


@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.name)
def test_no_sample_has_more_or_fewer_transactions(sample: Path) -> None:
    file = read_file(sample.read_bytes())
    if file.transactions:
        assert len(file.transactions) == len(expected_of(sample))


@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.name)
def test_every_importable_transaction_adds_up(sample: Path) -> None:
    for transaction in read_file(sample.read_bytes()).importable():
        assert transaction.unallocated == ZERO
        for row in transaction.rows:
            placed = row.amounts.total
            assert row.charge == placed + row.prior_payer + row.review
