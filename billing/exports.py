"""The log of exports: which figures left the program, who took them and when.

A view calls `record_export` for each file it hands out, the moment before it does.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser
from django.http import QueryDict

from billing.models import Export

# What a filter may be called to be kept as it was typed: none of them holds a person's name.
KEPT = frozenset(
    {
        *("from", "to", "date", "as_of", "by", "period", "after", "before", "deposited"),
        *("provider", "payer", "user", "method", "kind", "state", "cause", "age", "reason"),
        *("group", "dates", "basis", "batch", "account", "columns", "sort", "show", "deleted"),
        "view",
    }
)
PLAIN = re.compile(r"[\w.,:+-]{0,60}", re.ASCII)
CHART = re.compile(r"P\d{1,12}", re.ASCII)
NOT_KEPT = "..."  # that something was asked for is kept, what it was is not
LONGEST = Export._meta.get_field("filters").max_length


def may_export(user: Any) -> bool:
    """Who takes reports out of the program: accountants and administrators."""
    return bool(user.has_perm("billing.export_reports"))


def record_export(
    *, by: AbstractBaseUser, report: str, format: str, query: QueryDict, rows: int
) -> Export:
    """Keep that somebody took a report or a document out of the program.

    `report` is its name in the address ("day-sheet", "deposits/D-0001"), `format` how the file's
    name ends, `query` the filters it was asked for with, `rows` how many it holds without its headings.
    What somebody searched for is not kept: it is mostly a name. A chart number is.
    """
    return Export.objects.create(
        report=report, format=format, filters=said_of(query), rows=rows, created_by_id=by.pk
    )


def said_of(query: QueryDict) -> str:
    """The filters as a query string, without a word about anybody: "from=2025-11-01&q=..."."""
    pairs = [(name, _said(name, value)) for name, values in query.lists() for value in values]
    asked = [(name, value) for name, value in pairs if value and PLAIN.fullmatch(name)]
    return urlencode(asked, safe=":,+")[:LONGEST]


def _said(name: str, value: str) -> str:
    if name == "patient":
        return value if CHART.fullmatch(value) else value and NOT_KEPT
    return value if name in KEPT and PLAIN.fullmatch(value) else value and NOT_KEPT
