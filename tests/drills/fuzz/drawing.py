"""Requests that are wrong, drawn by Hypothesis: nearly right forms, others' addresses, no forms."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.drills.fuzz.request import Asked
from tests.drills.fuzz.site import Form, Site
from tests.drills.fuzz.typed import (
    AMOUNTS,
    BODIES,
    FILES,
    HEADERS,
    MASS,
    METHODS,
    MULTIPART,
    NASTY,
    NUMBERS,
    Pairs,
)
from tests.screens.test_every_screen import PARAMETERS

letters = st.text(st.characters(codec="utf-8"), max_size=40)
values = st.one_of(
    st.sampled_from(NASTY),
    st.sampled_from(NASTY),
    st.sampled_from(AMOUNTS),
    letters,
    st.integers().map(str),
    st.decimals().map(str),
    st.dates().map(str),
)


def wrong_requests(site: Site, who: str) -> st.SearchStrategy[Asked]:
    """Of every kind; mostly forms that are nearly right, since those get furthest."""
    form = _of_a_form(site, who)
    return st.one_of(form, form, form, form, _of_an_address(site, who), _of_a_body(site, who))


@st.composite
def _of_an_address(draw: Any, site: Site, who: str) -> Asked:
    """Another's, one that never was, one with anything behind its question mark."""
    path = draw(st.sampled_from(draw(st.sampled_from([site.paths[who], site.every_path]))))
    method = draw(st.sampled_from(["GET"] * 9 + METHODS))
    if draw(st.booleans()):
        path = _bent(draw, site, path)
    names = st.one_of(st.sampled_from(PARAMETERS), st.sampled_from(PARAMETERS), letters)
    query = draw(st.lists(st.tuples(names, values), max_size=4))
    return Asked(who, method, path, query, headers=_headers(draw))


def _bent(draw: Any, site: Site, path: str) -> str:
    """One part of the address is another's, or nobody's."""
    parts = path.split("/")
    at = [n for n, part in enumerate(parts) if re.search(r"\d", part)] or [len(parts) - 2]
    other = draw(st.one_of(st.sampled_from(site.strangers), st.sampled_from(NUMBERS), values))
    parts[draw(st.sampled_from(at))] = quote(other[:300], safe="")
    return "/".join(parts)


def _headers(draw: Any) -> dict[str, str]:
    if draw(st.integers(0, 3)):
        return {}
    return dict(draw(st.sampled_from(HEADERS)))


@st.composite
def _of_a_body(draw: Any, site: Site, who: str) -> Asked:
    """A form's address gets what is no form."""
    form = draw(st.sampled_from(draw(st.sampled_from([site.forms[who], site.every_form]))))
    kind, body = draw(st.sampled_from(BODIES))
    method = draw(st.sampled_from(["POST", "POST", "POST", "PUT", "GET"]))
    return Asked(who, method, form.to, headers=_headers(draw), kind=kind, body=body)


@st.composite
def _of_a_form(draw: Any, site: Site, who: str) -> Asked:
    """A form as it should be, with up to three things wrong in it."""
    own = site.forms[who]
    mostly_own = len(own) > 5 and draw(st.integers(0, 4))
    form = draw(st.sampled_from(own if mostly_own else site.every_form))
    pairs = [(name, value) for name, given in form.good.items() for value in given]
    presses = form.form.buttons + form.form.buttons[-1:] * 4  # the last one saves
    pairs += [draw(st.sampled_from(presses))] if presses else []
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        pairs = draw(st.sampled_from(WRONGS))(draw, site, form, pairs)
    asked = Asked(who, form.form.method.upper(), form.to, fields=pairs, headers=_headers(draw))
    if asked.method == "GET":
        asked.query, asked.fields = asked.fields, []
    if not draw(st.integers(0, 14)):
        asked.method = draw(st.sampled_from(METHODS))
    if form.form.files:
        content = draw(st.sampled_from(FILES) | st.binary(max_size=200)).decode("latin-1")
        asked.files = [(name, content) for name in form.form.files]
    elif not draw(st.integers(0, 5)):
        asked.kind = MULTIPART
    if draw(st.booleans()) and form.form.target and not asked.headers:
        asked.headers = {"hx-request": "true", "hx-target": form.form.target}
    if not draw(st.integers(0, 9)):
        asked.path = _bent(draw, site, asked.path)
    asked.token = bool(draw(st.integers(0, 9)))
    return asked


def _one_box(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """One box holds anything."""
    if not pairs:
        return pairs
    at = draw(st.integers(0, len(pairs) - 1))
    return [*pairs[:at], (pairs[at][0], draw(values)), *pairs[at + 1 :]]


def _all_boxes(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """Every box one can type into holds the same."""
    value = draw(values)
    return [(name, value if name in form.form.typed else old) for name, old in pairs]


def _every_box(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """Every box, also the hidden ones."""
    value = draw(values)
    return [(name, value) for name, _old in pairs]


def _twice(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """A box is there twice."""
    if not pairs:
        return pairs
    name, _old = draw(st.sampled_from(pairs))
    return draw(st.permutations([*pairs[:20], (name, draw(values))])) + pairs[20:]


def _left_out(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """Some boxes are missing."""
    gone = draw(st.sets(st.sampled_from(pairs), min_size=1, max_size=5)) if pairs else set()
    return [pair for pair in pairs if pair not in gone]


def _forged(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """Fields that no form has."""
    names = draw(st.lists(st.sampled_from(MASS), min_size=1, max_size=4))
    return [*pairs, *((name, draw(values | st.just("1"))) for name in names)]


def _anothers(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """Ids in the values and in the names are another patient's."""
    other = draw(st.sampled_from([*site.strangers, *NUMBERS]))
    found = []
    for name, value in pairs:
        if re.search(r"-\d+-", name) and draw(st.booleans()):
            name = re.sub(r"-\d+-", f"-{other}-", name, count=1)
        elif re.fullmatch(r"\d+|[A-Z]+-?\d+", value) and draw(st.booleans()):
            value = other
        found.append((name, value))
    return found


WRONGS = [
    _one_box,
    _one_box,
    _one_box,
    _all_boxes,
    _every_box,
    _twice,
    _left_out,
    _forged,
    _anothers,
]
