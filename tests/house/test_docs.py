"""docs/ says what is so: the map knows every screen, and what it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, resolve

import billing.urls
import patients.urls

ROOT = Path(__file__).resolve().parents[2]
MAP = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")


def screens() -> Iterator[tuple[list[str], str, str]]:
    """(addresses, what stands under view, what stands under template) of each row of the map."""
    for row in MAP.partition("\n\n| what |")[0].splitlines():
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        if len(cells) == 4 and "`" in cells[1]:
            addresses = [each for each in re.findall(r"`([^`]+)`", cells[1]) if each[0] == "/"]
            yield addresses, cells[2], cells[3]


@pytest.mark.parametrize("module", [billing.urls, patients.urls], ids=["billing", "patients"])
def test_the_map_names_every_url(module: object) -> None:
    names = [str(each.name) for each in module.urlpatterns if isinstance(each, URLPattern)]  # type: ignore[attr-defined]
    assert names
    assert [name for name in names if not re.search(rf"\b{name}\b", MAP)] == []


def test_each_address_of_the_map_leads_to_the_view_beside_it() -> None:
    wrong = [
        address
        for addresses, view, _template in screens()
        for address in addresses
        if address != "/admin/" and resolve(address).func.__name__ not in view.split("` ")[-1]
    ]
    assert wrong == []
    assert sum(1 for _ in screens()) > 40


def test_every_file_the_map_names_is_there() -> None:
    code = re.findall(r"`((?:billing|patients|tests|static)/[\w/.]+)`", MAP)
    assert code
    templates = [
        name
        for _addresses, _view, cell in screens()
        for name in re.findall(r"`([\w/.]+)`", cell)
        if "/" in name and not cell.startswith("Typst")
    ]
    assert [name for name in templates if not _template(name)] == []
    assert [name for name in set(code) - set(templates) if not (ROOT / name).exists()] == []


def _template(name: str) -> bool:
    return (ROOT / "templates" / name).exists()


def test_decisions_are_numbered_one_after_the_other() -> None:
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in found] == list(range(1, len(found) + 1))
    headings = [path.read_text(encoding="utf-8").splitlines()[0] for path in found]
    assert [heading.split(".")[0] for heading in headings] == [
        f"# {number}" for number in range(1, len(found) + 1)
    ]


def test_the_rules_of_money_are_all_there_in_words() -> None:
    words = (ROOT / "docs" / "money.md").read_text(encoding="utf-8").lower()
    for noun in ("deposit slip", "voided", "guarantor", "opening balance", "correct payment"):
        assert noun in words
    assert re.findall(r"^\| (r\d+) \|", words, re.MULTILINE) == [f"r{n}" for n in range(1, 11)]


def test_every_picture_in_the_docs_is_there() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = [
        (page.parent / picture).resolve()
        for page in pages
        for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    ]
    assert len(named) > 15
    assert [str(picture) for picture in named if not picture.exists()] == []
    kept = {picture.resolve() for picture in (ROOT / "docs" / "screens").glob("tour-*.png")}
    assert kept <= set(named), "a picture that no page shows"
