"""A box for money is a box for money: wherever one is, the same text gets the same verdict.

One list of odd texts (tests/support/odd_amounts.py), asked of every reader and typed into every box
of every screen. AMOUNTS=all types all of them into each; else each form gets its share.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from django import forms
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ValidationError

from billing.forms.payments import parse_or_none
from billing.imports.columns import AMOUNT, RefusedValue
from billing.money import (
    AmountError,
    MoneyField,
    MoneyFormField,
    parse,
    parse_or_zero,
)
from tests.house.test_access import let_go
from tests.ledger.books import digest
from tests.screens.page_forms import PageForm, forms_of
from tests.screens.small_clinic import SmallClinic, small_clinic
from tests.screens.test_every_screen import FILES, buttons, filled, tried
from tests.support import odd_amounts

REFUSED = [
    text
    for text in (*odd_amounts.NOT_AMOUNTS, *odd_amounts.TOO_FINE, *odd_amounts.TOO_LARGE)
    if text.strip(" ")  # an empty box of a grid is nothing, and no mistake
]
ODD = [*odd_amounts.AMOUNTS, *REFUSED]
ALL = os.environ.get("AMOUNTS") == "all"


def test_there_are_enough() -> None:
    assert len(set(ODD)) == len(ODD) >= 100


# ---------------------------------------------------------------------------- every reader


def verdict(read: Callable[[str], Any], text: str) -> Decimal | str:
    """The amount, or the sentence that refuses it."""
    try:
        amount: Decimal = read(text)
    except (AmountError, RefusedValue) as error:
        return str(error)
    except ValidationError as error:
        return str(error.messages[0])
    return amount


def boxes_of_forms() -> Iterator[tuple[str, forms.Field]]:
    """(where, box) of every amount box of every form class there is."""
    waiting: list[type] = [forms.BaseForm]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        for name, box in getattr(kind, "base_fields", {}).items():
            if isinstance(box, MoneyFormField) and kind.__module__.startswith(
                ("billing", "config")
            ):
                yield f"{kind.__name__}.{name}", box


def boxes_of_models() -> Iterator[tuple[str, forms.Field]]:
    """As the administration would make them."""
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, MoneyField) and field.editable and not field.generated:
                yield f"{model.__name__}.{field.name}", field.formfield()


READERS: dict[str, Callable[[str], Any]] = {
    "the box of a grid": parse_or_zero,
    "the box of a form that goes on being typed": parse_or_none,
    "a column of an import": AMOUNT.read,
    "a fixture": MoneyField().to_python,
}


def test_every_reader_gives_the_same_verdict() -> None:
    readers = READERS | {where: box.clean for where, box in (*boxes_of_forms(), *boxes_of_models())}
    assert len(readers) > 20
    wrong = [
        (where, text, verdict(read, text), verdict(parse, text))
        for where, read in readers.items()
        for text in ODD
        if verdict(read, text) != verdict(parse, text)
    ]
    assert wrong == []


def test_no_form_reads_money_in_another_way() -> None:
    """A DecimalField takes 1e2, １２ and 1_000; a FloatField rounds."""
    kinds = (forms.DecimalField, forms.FloatField)
    waiting: list[type] = [forms.BaseForm]
    other = []
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        for name, box in getattr(kind, "base_fields", {}).items():
            if isinstance(box, kinds) and not inspect.getmodule(kind).__name__.startswith("django"):  # type: ignore[union-attr]
                other.append((kind, name))
    assert other == []


# ---------------------------------------------------------------------------- every screen


def money_boxes(html: str) -> set[str]:
    """Names of the boxes a page asks amounts in: those for which a telephone shows its decimal keys."""
    inputs = [tag for tag in re.findall(r"<input\b[^>]*>", html) if 'inputmode="decimal"' in tag]
    return {unescape(found[1]) for tag in inputs if (found := re.search(r'\bname="([^"]*)"', tag))}


def forms_with_money(clinic: SmallClinic) -> Iterator[tuple[str, PageForm, set[str]]]:
    """(where it is sent, form, its amount boxes), each of its kind once."""
    known = set()
    for name, url in [*clinic.one_of_each(), *_of_the_admin()]:
        if name in FILES:
            continue
        page = clinic.client.get(url)
        if page.streaming:
            let_go(page)
        if page.status_code != 200 or "text/html" not in page["Content-Type"] or page.streaming:
            continue
        html = page.content.decode()
        asked = money_boxes(html)
        for form in forms_of(html):
            boxes = asked & set(form.sent)
            to = urlsplit(form.action).path or url
            mark = re.sub(r"\d+", "#", f"{to} {sorted(form.sent)}")
            if boxes and form.method == "post" and mark not in known:
                known.add(mark)
                yield to, form, boxes


def _of_the_admin() -> Iterator[tuple[str, str]]:
    for model in admin.site._registry:
        yield "admin", f"/admin/{model._meta.app_label}/{model._meta.model_name}/add/"
        if (row := model._default_manager.first()) is not None:
            path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{row.pk}/change/"
            yield "admin", path


@pytest.mark.django_db
def test_every_box_of_every_screen_refuses_the_same() -> None:
    clinic = small_clinic()
    found = list(forms_with_money(clinic))
    before, wrong, sent = digest(), [], 0
    assert len(found) >= 12
    for number, (to, form, boxes) in enumerate(found):
        good = filled(form)
        texts = REFUSED if ALL else REFUSED[number % 12 :: 12]
        for text in texts:
            data = {**good, **{box: [text] for box in boxes}}
            live = {"hx-request": "true", "hx-target": form.target}
            ways = [(buttons(form)[-1], {}), *([(None, live)] if form.target else [])]
            for button, headers in ways:
                sent += 1
                [(status, changed)] = tried(clinic, before, (to, data, button, headers))
                if status != 200 or changed:
                    wrong.append((to, button, text, status, changed))
    assert wrong == []
    assert sent >= 100


@pytest.mark.django_db
def test_a_screen_says_what_the_reader_says() -> None:
    clinic = small_clinic()
    url = f"/patients/{clinic.smith.chart_number}/payments/new/"
    [(to, form, boxes)] = [each for each in forms_with_money(clinic) if each[0] == url]
    assert {"amount"} < boxes
    silent = []
    for text in REFUSED:
        data = {**filled(form), **{box: [text] for box in boxes}}
        for headers in ({}, {"hx-request": "true", "hx-target": form.target}):
            answer = clinic.client.post(to, {**data, "action": "save"}, headers=headers)
            if str(verdict(parse, text)) not in unescape(answer.content.decode()):
                silent.append((text, headers))
    assert silent == []


def test_the_control_a_box_that_reads_otherwise_is_seen() -> None:
    assert verdict(forms.DecimalField().clean, "1e2") != verdict(parse, "1e2")
    assert verdict(forms.DecimalField().clean, "１２") != verdict(parse, "１２")
