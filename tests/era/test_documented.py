"""docs/era.md lists every code, and every code has a sentence."""

import ast
import re
from pathlib import Path

from billing.era import refusals

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_lists_every_refusal_and_warning() -> None:
    page = (ROOT / "docs/era.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([EW]\d+) \| (.+) \|$", page, re.MULTILINE)
    assert rows == list(refusals.WHEN.items())


def test_every_code_has_a_sentence_and_no_sentence_another_code() -> None:
    tree = ast.parse(Path(refusals.__file__).read_text(encoding="utf-8"))
    said = {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "Finding"
        and isinstance(call.args[0], ast.Constant)
    }
    assert said == set(refusals.WHEN)
