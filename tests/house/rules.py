"""The house's conventions, as functions from a text to what is wrong in it.

Each is tried on the repository and on a sample that breaks it (test_conventions.py), so that a
rule that finds nothing is known to look.
"""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

MONEY_ROWS = {
    "Payment",
    "Allocation",
    "Adjustment",
    "LineVoid",
    "Deposit",
    "DepositItem",
    "ClosingDate",
    "Responsibility",
    "Offset",
    "JournalBatch",
    "JournalItem",
}
MONEY_RELATIONS = {"payments", "allocations", "adjustments", "responsibilities", "offsets"}
CREATES = {"create", "bulk_create", "get_or_create", "update_or_create"}
WRITES = CREATES | {"update", "bulk_update", "delete"}


def floats(python: str) -> list[str]:
    """Money is exact; float is not."""
    return [
        f"line {node.lineno}: float"
        for node in ast.walk(ast.parse(python))
        if isinstance(node, ast.Name) and node.id == "float"
    ]


def money_writes(python: str) -> list[str]:
    """Only the ledger writes money rows: Payment.objects.….update(…), line.allocations.create(…)."""
    return [
        f"line {node.lineno}: {ast.unparse(node.func)}"
        for node in ast.walk(ast.parse(python))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and _writes_money(node.func.attr, list(_names_before(node.func.value)))
    ]


def _writes_money(verb: str, names: list[str]) -> bool:
    """`names` is what stands before the verb, nearest first: filter, objects, Payment."""
    if verb in CREATES and names[:1] and names[0] in MONEY_RELATIONS:
        return True
    owners = [owner for manager, owner in pairwise(names) if "objects" in manager]
    return verb in WRITES and any(owner in MONEY_ROWS for owner in owners)


def _names_before(node: ast.AST) -> Iterator[str]:
    while True:
        if isinstance(node, ast.Attribute):
            yield node.attr
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            if isinstance(node, ast.Name):
                yield node.id
            return


# In pieces, so that this file does not break its own rule.
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:work|root|home/\w+|Users/\w+)" + r"/")
REGISTRY = re.compile(
    "|".join([r"pypi\.(?:org|python)", "python" + r"hosted\.org", r"npm" + r"js\.org"])
)


def machine_traces(text: str) -> list[str]:
    """Where somebody's checkout lay, or where packages came from, belongs to one machine."""
    return _matches(MACHINE_PATH, text) + _matches(REGISTRY, text)


TEMPLATE_TAGS = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
INLINE_STYLE = re.compile(r"""<style\b|(?<![\w-])style\s*=""", re.IGNORECASE)
INLINE_SCRIPT = re.compile(r"<script\b(?![^>]*\bsrc\s*=)", re.IGNORECASE)
HANDLER = re.compile(r"""\s(?:on[a-z]+|hx-on[\w:-]*)\s*=|javascript:""", re.IGNORECASE)


def inline_code(template: str) -> list[str]:
    """The Content-Security-Policy lets none of it run, and the browser says so only to itself."""
    html = TEMPLATE_TAGS.sub(" ", template)  # {% with only=… %} is no handler
    return [
        # Styles are looked for in tags too: {% lucide "x" style="…" %} writes one.
        *_matches(INLINE_STYLE, template),
        *_matches(INLINE_SCRIPT, html),
        *_matches(HANDLER, html),
    ]


def _matches(pattern: re.Pattern[str], text: str) -> list[str]:
    return [
        f"line {text.count(chr(10), 0, match.start()) + 1}: {match.group().strip()}"
        for match in pattern.finditer(text)
    ]
