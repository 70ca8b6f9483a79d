"""docs/import.md says of every column what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing.imports import source
from billing.imports.job import Job
from billing.imports.kinds import KINDS
from billing.imports.running import SHOWN

DOCS = Path(__file__).parents[2] / "docs" / "import.md"


def table(kind: type[Job]) -> str:
    """The columns of a kind as a table in Markdown; what docs/import.md has to hold."""
    rows = [
        f"| `{column.name}` | {'yes' if column.required else ''} | {column.meaning} |"
        f" {column.written.says} | {column.example} |"
        for column in kind.columns
    ]
    head = "| column | needed | what it says | how it is written | example |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_columns_are_those_of_the_code(kind: type[Job]) -> None:
    assert table(kind) in DOCS.read_text(encoding="utf-8")


def test_the_limits_are_those_of_the_code() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert f"{source.LARGEST // source.MEGABYTE} MB and {source.MOST_ROWS:,} lines" in text
    assert f"the first {SHOWN} on screen" in text
