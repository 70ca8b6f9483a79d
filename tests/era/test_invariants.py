"""What must not matter does not: how a file is written down, cut up and ordered.

Over the samples, the constructed series and files made up here.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.era.importing import read_file
from billing.era.reading import decode, interchanges
from billing.era.remittance import File, RowKind, Transaction
from billing.era.spreading import PARTS, claim_level, reversed_claim, whole_claim
from billing.money import ZERO, from_cents
from tests.era.files import HERE, figures, samples
from tests.era.writing import PLAIN, Style, interchange, transaction

quick = settings(deadline=None, max_examples=60, derandomize=True)

# ---------------------------------------------------------------------------- how it is written


@cache
def importable_files() -> dict[str, tuple[bytes, list[list[str]]]]:
    """Every importable file with its segments, * and : put in for its own separators."""
    found = {}
    for path in [*samples(), *sorted((HERE / "constructed").glob("*"))]:
        data = path.read_bytes()
        if len(read_file(data).importable()) and not is_odd(read_file(data)):
            found[path.name] = (data, [list(one) for one in rewritten(data)])
    assert len(found) > 15
    return found


def is_odd(file: File) -> bool:
    """Its ISA or its procedures keep other rules, which a rewritten one could not show."""
    return bool({one.code for one in file.all_warnings} & {"W4", "W5"})


def rewritten(data: bytes) -> Iterable[list[str]]:
    for one in interchanges(decode(data)[0]):
        separators = one.separators
        yield [
            "*".join((segment.id, *segment.elements)).replace(separators.component, ":")
            for segment in one.segments()
        ]


@st.composite
def styles(draw: st.DrawFn, text: str) -> Style:
    free = [mark for mark in "*:|>^\\!%?`\x1c\x1d\x1e\x1f" if mark in "*:" or mark not in text]
    element, component, segment = draw(
        st.lists(st.sampled_from([*free, "~"]), min_size=3, max_size=3, unique=True)
    )
    line_end = draw(st.sampled_from(["", "", "\n", "\r", "\r\n"]))
    if draw(st.booleans()):
        after, wrap = line_end, draw(st.sampled_from([0, 0, 72, 80, 104, 105, 106, 107, 108, 132]))
    else:
        segment, after, wrap = line_end[:1] or "\n", line_end[1:], 0
    before = draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\r\n ", b"\x0b\x00"]))
    behind = draw(st.sampled_from([b"", b"\x1a", b"\r\n\r\n", b" \x00\x00"]))
    return Style(element, component, segment, after, wrap, before, behind)


def with_separators(segments: list[str], style: Style) -> list[str]:
    """ISA11 and ISA16 are separators, too; the style's own go there."""
    isa = segments[0].split("*")
    isa[11], isa[16] = "U", ":"
    return ["*".join(isa), *segments[1:]]


@quick
@given(data=st.data())
def test_separators_line_ends_and_marks_change_no_figure(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(importable_files())))
    original, all_segments = importable_files()[name]
    text = "".join(map("".join, all_segments))
    style = data.draw(styles(text))
    written = style.written(
        segment for segments in all_segments for segment in with_separators(segments, style)
    )
    again = read_file(written)
    assert again.all_refusals == ()
    assert figures(again) == figures(read_file(original))


# ---------------------------------------------------------------------------- how it is cut up

Part = tuple[str, list[str]]  # what a claim pays, and its segments

cents = st.integers(0, 50_000).map(from_cents)
CODES = ["CO*45", "CO*97", "CO*253", "PR*1", "PR*2", "PR*3", "PR*96", "OA*23", "PI*104"]


@st.composite
def adjustments(draw: st.DrawFn, sign: int, most: int = 4) -> list[tuple[str, Decimal]]:
    chosen = draw(st.lists(st.tuples(st.sampled_from(CODES), cents), max_size=most))
    return [(code, sign * amount) for code, amount in chosen]


def as_cas(chosen: list[tuple[str, Decimal]]) -> list[str]:
    return [f"CAS*{code}*{amount}" for code, amount in chosen]


@st.composite
def claims(draw: st.DrawFn) -> Part:
    """A claim that adds up: with or without lines, adjusted on them or as a whole, or reversed."""
    sign = draw(st.sampled_from([1, 1, 1, -1]))
    status = "22" if sign < 0 else draw(st.sampled_from(["1", "2", "19", "4"]))
    number = draw(st.integers(1, 9999))
    of_claim = draw(adjustments(sign, most=2))
    reduced = sum((amount for _, amount in of_claim), ZERO)
    segments: list[str] = [*as_cas(of_claim), "NM1*QC*1*RIVERA*MAYA****MI*EV100001"]
    charge = paid = ZERO
    for line in range(draw(st.integers(0, 3))):
        chosen = draw(adjustments(sign))
        net = sign * draw(cents)
        gross = net + sum((amount for _, amount in chosen), ZERO)
        segments += [f"SVC*HC:90837:95*{gross}*{net}**1", f"DTM*472*202601{line + 10}"]
        segments += [*as_cas(chosen), f"REF*6R*L{number}-{line}"]
        charge += gross
        paid += net
    if not any(segment.startswith("SVC") for segment in segments):
        charge = paid = sign * draw(cents)
        charge += reduced
    else:
        paid -= reduced
    return f"{paid}", [f"CLP*C{number}*{status}*{charge}*{paid}*0*12*EV{number}", *segments]


def total(parts: Iterable[Part]) -> str:
    return f"{sum((Decimal(paid) for paid, _ in parts), ZERO)}"


def body(parts: list[Part]) -> list[str]:
    return transaction(total(parts), [segment for _, segments in parts for segment in segments])


def all_rows(file: File) -> list[object]:
    assert file.all_refusals == ()
    return [row for one in figures(file) for claim in one["claims"] for row in claim["rows"]]


def paid(transactions: Iterable[Transaction]) -> Decimal:
    return sum((one.payment.amount for one in transactions), ZERO)


@quick
@given(
    st.lists(claims(), min_size=1, max_size=6),
    st.integers(1, 6),
    st.integers(1, 3),
    st.booleans(),
)
def test_it_does_not_matter_over_how_many_transactions_claims_are_spread(
    parts: list[Part], size: int, groups: int, one_interchange: bool
) -> None:
    whole = read_file(PLAIN.written(interchange([body(parts)])))
    bodies = [body(parts[start : start + size]) for start in range(0, len(parts), size)]
    if one_interchange:
        spread = PLAIN.written(interchange(bodies, groups=groups))
    else:
        spread = b"".join(
            PLAIN.written(interchange([one], number)) for number, one in enumerate(bodies, 1)
        )
    file = read_file(spread)
    assert all_rows(file) == all_rows(whole)
    assert paid(file.importable()) == paid(whole.importable())


@quick
@given(st.lists(claims(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_adjustments_does_not_matter(parts: list[Part], random: Random) -> None:
    shuffled = [(amount, in_other_order(segments, random)) for amount, segments in parts]
    first, second = (
        read_file(PLAIN.written(interchange([body(one)]))) for one in (parts, shuffled)
    )
    assert [
        (row.charge, row.amounts, row.prior_payer, row.review) for row in first.importable()[0].rows
    ] == [
        (row.charge, row.amounts, row.prior_payer, row.review)
        for row in second.importable()[0].rows
    ]


def in_other_order(segments: list[str], random: Random) -> list[str]:
    """Runs of CAS shuffled, and those of one group put into one segment."""
    result: list[str] = []
    run: list[str] = []
    for segment in [*segments, ""]:
        if segment.startswith("CAS"):
            run.append(segment)
            continue
        random.shuffle(run)
        result += merged(run)
        run = []
        result.append(segment)
    return result[:-1]


def merged(run: list[str]) -> list[str]:
    by_group: dict[str, list[str]] = {}
    for segment in run:
        _, group, rest = segment.split("*", 2)
        by_group.setdefault(group, []).append(rest)
    return [f"CAS*{group}*{'**'.join(rests)}" for group, rests in by_group.items()]


@quick
@given(st.lists(claims(), min_size=1, max_size=5))
def test_every_cent_has_a_place(parts: list[Part]) -> None:
    (one,) = read_file(PLAIN.written(interchange([body(parts)]))).importable()
    assert one.unallocated == ZERO
    for claim in one.claims:
        assert sum((row.amounts.allocation for row in claim.rows), ZERO) == claim.paid
        for row in claim.rows:
            assert row.charge == row.amounts.total + row.prior_payer + row.review


# ---------------------------------------------------------------------------- spreading

balances = st.lists(cents, min_size=1, max_size=4)


@quick
@given(st.lists(claims(), min_size=1, max_size=3), st.data())
def test_spreading_keeps_every_sum(parts: list[Part], data: st.DataObject) -> None:
    (one,) = read_file(PLAIN.written(interchange([body(parts)]))).importable()
    for row in one.rows:
        room = data.draw(balances)
        if row.kind is RowKind.CLAIM_LEVEL:
            shares = claim_level(row, room)
        elif row.charge < 0:
            shares = reversed_claim(row.amounts, [row.amounts] * len(room))
        else:
            shares = whole_claim(row.amounts, room)
        for part in PARTS:
            given_out = sum((getattr(share, part) for share in shares), ZERO)
            assert given_out == getattr(row.amounts, part)


# ---------------------------------------------------------------------------- whatever comes in


@quick
@given(data=st.data())
def test_a_damaged_file_is_never_an_exception_and_never_unbalanced(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(importable_files())))
    original = bytearray(importable_files()[name][0])
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(original) - 1))
        original[place : place + data.draw(st.integers(0, 30))] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"~", b"*", b"CLP*", b"\n", b"ISA*", b"9"])
        )
    file = read_file(bytes(original))
    assert file.all_refusals or file.importable()
    for one in file.importable():
        assert one.unallocated == ZERO


@quick
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"ISA{text}".encode()))
def test_anything_at_all_is_refused_with_a_sentence(data: bytes) -> None:
    file = read_file(data)
    assert file.importable() == ()
    assert all(one.text for one in file.all_refusals)
    assert file.all_refusals
