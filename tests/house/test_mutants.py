"""The mistakes of tests/drills/mutants.py still fit the program they are made in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drills.mutants import MUTANTS, ROOT, Mutant, changed


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_changes_one_place_and_can_be_read_by_python(mutant: Mutant, tmp_path: Path) -> None:
    file = tmp_path / mutant.file
    file.parent.mkdir(parents=True)
    before = (ROOT / mutant.file).read_text()
    file.write_text(before)
    changed(mutant, tmp_path)
    assert file.read_text() != before


def test_one_that_fits_nowhere_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("a = 1\na = 1\n")
    for text in ("b = 1", "a = 1"):
        with pytest.raises(LookupError, match="not once"):
            changed(Mutant("odd", "x.py", text, ""), tmp_path)
