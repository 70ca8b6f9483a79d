"""Which session a row of a remittance belongs to, how sure that is, and what to fill in.

    A1  Matched    our line control number came back, and the code or the date agrees
    A2  Matched    one claim, and a line of it with the same date, code and charge
    B1  Check      one claim, and one line by date and code, or by code and charge, or its only line
    B2  Check      no such claim, but one line of this person with the same date, code and charge
    B3  Check      a row about the whole claim; or our line number with another code and date
    C   Choose     several could be meant
    D   Not found  none

The first that holds is taken, the surest rows of a claim first; a session is used once a claim.
A reversal is found the same way, by what its charge would be without the minus. `match` needs no
database: the sessions that could be meant are handed in.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from billing.era.remittance import Amounts, Claim, Person, Row, RowKind
from billing.era.spreading import claim_level, reversed_claim, whole_claim
from billing.money import ZERO, show_dollars


class Level(StrEnum):
    A1 = "A1"
    A2 = "A2"
    B1 = "B1"
    B2 = "B2"
    B3 = "B3"
    C = "C"
    D = "D"


# ---------------------------------------------------------------------------- what we have


@dataclass(frozen=True, slots=True)
class Posting:
    """What one earlier payment of this payer put on a line."""

    id: int
    payer_claim: str  # CLP07 of then
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One of our lines that this payer may be paying."""

    id: int
    claim: int  # which of our claims it was billed on
    claim_control: str
    line_control: str
    code: str
    date: datetime.date
    charge: Decimal
    payer: int
    last_name: str = ""
    first_name: str = ""
    member_ids: tuple[str, ...] = ()
    insurance_balance: Decimal = ZERO  # what the insurer still owes
    postings: tuple[Posting, ...] = ()  # of this payer, oldest first


# ---------------------------------------------------------------------------- what comes out


@dataclass(frozen=True, slots=True)
class Share:
    """What a row puts on one session; `takes_back` is the posting a reversal undoes."""

    line: int
    amounts: Amounts
    takes_back: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A row with the sessions it is filled in on, or those it might be."""

    row: Row
    level: Level
    shares: tuple[Share, ...] = ()  # filled in beforehand; empty when a person has to choose
    candidates: tuple[int, ...] = ()  # session lines to choose from (C), or to suggest (D)
    concerns: tuple[str, ...] = ()  # why somebody should look first


# ---------------------------------------------------------------------------- comparing


def control(number: str) -> str:
    """A control number as it is compared; "" matches nothing, and 0 is none."""
    return number.strip().upper().lstrip("0")


def _name(person: Person) -> tuple[str, str]:
    return _plain(person.last), _plain(person.first)


def _plain(text: str) -> str:
    return " ".join(text.upper().split())


class Candidates:
    """The session lines of one payer, quick to find by whatever a remittance may say."""

    def __init__(self, lines: Iterable[SessionLine], *, payer: int) -> None:
        self.by_id: dict[int, SessionLine] = {}
        self._by_line_control: defaultdict[str, list[SessionLine]] = defaultdict(list)
        self._by_claim_control: defaultdict[str, list[SessionLine]] = defaultdict(list)
        self._by_member: defaultdict[str, list[SessionLine]] = defaultdict(list)
        self._by_name: defaultdict[tuple[str, str], list[SessionLine]] = defaultdict(list)
        for line in lines:
            if line.payer != payer:
                continue
            self.by_id[line.id] = line
            self._by_line_control[control(line.line_control)].append(line)
            self._by_claim_control[control(line.claim_control)].append(line)
            for member in {control(member) for member in line.member_ids}:
                self._by_member[member].append(line)
            self._by_name[_plain(line.last_name), _plain(line.first_name)].append(line)

    def with_line_control(self, number: str) -> SessionLine | None:
        """The line of that number, if exactly one has it."""
        wanted = control(number)
        found = self._by_line_control.get(wanted, []) if wanted else []
        return found[0] if len(found) == 1 else None

    def of_one_claim(self, number: str) -> list[SessionLine]:
        """The lines of the claim of that number; none when several claims have it."""
        wanted = control(number)
        found = self._by_claim_control.get(wanted, []) if wanted else []
        return found if len({line.claim for line in found}) == 1 else []

    def of_person(self, claim: Claim) -> Iterator[list[SessionLine]]:
        """The lines of whom the claim names: by member id first, then by name."""
        people = [claim.patient, *([claim.corrected] if claim.corrected else [])]
        yield self._merged(
            self._by_member.get(control(person.id), []) for person in people if control(person.id)
        )
        yield self._merged(
            self._by_name.get(_name(person), []) for person in people if all(_name(person))
        )

    @staticmethod
    def _merged(lists: Iterable[list[SessionLine]]) -> list[SessionLine]:
        return list({line.id: line for lines in lists for line in lines}.values())


@dataclass(slots=True)
class _Standing:
    """A line while one payment is being matched: its claims may come one after the other."""

    balance: Decimal
    posted: Amounts

    def put(self, amounts: Amounts) -> None:
        self.balance -= amounts.total
        self.posted = plus(self.posted, amounts)


def plus(one: Amounts, other: Amounts) -> Amounts:
    return Amounts(
        allocation=one.allocation + other.allocation,
        write_off=one.write_off + other.write_off,
        deductible=one.deductible + other.deductible,
        coinsurance=one.coinsurance + other.coinsurance,
        copay=one.copay + other.copay,
        other=one.other + other.other,
    )


# ---------------------------------------------------------------------------- matching


def match(claims: Sequence[Claim], candidates: Candidates) -> list[list[Match]]:
    """For each claim, in order, what becomes of each of its rows, in order."""
    shared = _shared_numbers(claims)
    standing: dict[int, _Standing] = {}
    return [
        _ClaimMatcher(claim, candidates, standing, shared=control(claim.control) in shared).match()
        for claim in claims
    ]


def _shared_numbers(claims: Iterable[Claim]) -> set[str]:
    """Claim control numbers that stand for several people: some offices send the account's."""
    seen: dict[str, list[Person]] = defaultdict(list)
    shared = set()
    for claim in claims:
        number, person = control(claim.control), claim.patient
        if any(_somebody_else(person, other) for other in seen[number]):
            shared.add(number)
        elif person not in seen[number]:
            seen[number].append(person)
    return shared


def _somebody_else(one: Person, other: Person) -> bool:
    """By name where both have one: a family may share its member id."""
    names, ids = (_name(one), _name(other)), (control(one.id), control(other.id))
    if all(any(name) for name in names):
        return names[0] != names[1]
    return all(ids) and ids[0] != ids[1]


@dataclass(slots=True)
class _Found:
    level: Level
    lines: list[SessionLine] = field(default_factory=list)
    candidates: list[SessionLine] = field(default_factory=list)
    concerns: list[str] = field(default_factory=list)


class _ClaimMatcher:
    """One claim of a payment."""

    def __init__(
        self,
        claim: Claim,
        candidates: Candidates,
        standing: dict[int, _Standing],
        *,
        shared: bool,
    ) -> None:
        self._claim = claim
        self._all = candidates
        self._standing = standing
        self._ours = [] if shared else candidates.of_one_claim(claim.control)
        self._used: set[int] = set()

    def match(self) -> list[Match]:
        rows = self._claim.rows
        found: dict[int, _Found] = {}
        for step in (self._a1, self._a2, self._b1, self._b2, self._b3, self._c_or_d):
            for index, row in enumerate(rows):
                if index not in found and row.kind is RowKind.LINE and (answer := step(row)):
                    found[index] = answer
                    self._used |= {line.id for line in answer.lines}
        matches: list[Match] = []
        for index, row in enumerate(rows):
            matches.append(
                self._of_line(row, found[index])
                if row.kind is RowKind.LINE
                else self._of_claim(row, matches)
            )
        return self._weighed(matches)

    # ------------------------------------------------------------------ the levels, one row each

    def _a1(self, row: Row) -> _Found | None:
        line = self._by_line_control(row)
        if line is None or not (_same_code(row, line) or row.date == line.date):
            return None
        return self._sure(row, Level.A1, line)

    def _a2(self, row: Row) -> _Found | None:
        same = [
            line
            for line in self._free(self._ours)
            if row.date == line.date and _same_code(row, line) and _same_charge(row, line)
        ]
        return self._sure(row, Level.A2, self._best(row, same)) if same else None

    def _b1(self, row: Row) -> _Found | None:
        return next(
            (_Found(Level.B1, same) for same in self._nearly(row) if len(same) == 1),
            None,
        )

    def _nearly(self, row: Row) -> Iterator[list[SessionLine]]:
        """Lines of the one claim that come close, the closest way first."""
        free = self._free(self._ours)
        if row.date is not None:
            yield [line for line in free if row.date == line.date and _same_code(row, line)]
        else:
            yield [line for line in free if _same_code(row, line) and _same_charge(row, line)]
        if len(self._ours) == 1:
            yield free

    def _b2(self, row: Row) -> _Found | None:
        same = self._of_person(row)
        return _Found(Level.B2, same) if len(same) == 1 else None

    def _of_person(self, row: Row) -> list[SessionLine]:
        """Lines of the person named, when the claim number does not say which claim."""
        if self._ours:
            return []
        for lines in self._all.of_person(self._claim):
            same = [
                line
                for line in self._free(lines)
                if row.date == line.date and _same_code(row, line) and _same_charge(row, line)
            ]
            if same:
                return same
        return []

    def _b3(self, row: Row) -> _Found | None:
        line = self._by_line_control(row)
        if line is None:
            return None
        return _Found(
            Level.B3,
            [line],
            concerns=["the line number is ours, but the code and the date are not"],
        )

    def _c_or_d(self, row: Row) -> _Found:
        free = self._free(self._ours)
        close = next((same for same in self._nearly(row) if same), []) or free
        several = close or self._of_person(row)
        if several:
            return _Found(Level.C, candidates=several)
        person = next((lines for lines in self._all.of_person(self._claim) if lines), [])
        near = [line for line in person if row.date in (None, line.date)]
        return _Found(Level.D, candidates=self._free(near))

    def _sure(self, row: Row, level: Level, line: SessionLine) -> _Found:
        """A level A, unless the code had to be guessed at: then somebody has to check."""
        if row.line and row.line.doubtful:
            return _Found(Level.B1, [line], concerns=["its code was not divided as announced"])
        return _Found(level, [line])

    # ------------------------------------------------------------------ looking up

    def _by_line_control(self, row: Row) -> SessionLine | None:
        line = self._all.with_line_control(row.control)
        return None if line is None or line.id in self._used else line

    def _free(self, lines: Iterable[SessionLine]) -> list[SessionLine]:
        return [line for line in lines if line.id not in self._used]

    def _best(self, row: Row, same: list[SessionLine]) -> SessionLine:
        """Of identical lines the first; of a reversal, the one it can take the money back from."""
        if row.charge >= 0:
            return same[0]
        known = {control(self._claim.payer_claim), control(self._claim.original)} - {""}

        # Where the claim as a whole was adjusted, too, a line alone does not say what it was paid.
        line_by_line = all(one.kind is RowKind.LINE for one in self._claim.rows)

        def fits(line: SessionLine) -> tuple[bool, bool]:
            numbers = {control(one.payer_claim) for one in line.postings}
            left = self._stand(line).posted.allocation + row.amounts.allocation
            return bool(known & numbers), line_by_line and left >= 0

        return max(same, key=fits)  # the first of the best

    def _stand(self, line: SessionLine) -> _Standing:
        if line.id not in self._standing:
            posted = Amounts()
            for one in line.postings:
                posted = plus(posted, one.amounts)
            self._standing[line.id] = _Standing(line.insurance_balance, posted)
        return self._standing[line.id]

    def _takes_back(self, line: SessionLine) -> int | None:
        """The posting a reversal undoes: the payer's number decides, else the newest."""
        if not self._claim.is_reversal:
            return None
        newest_first = [one for one in reversed(line.postings) if one.amounts.total]
        for number in (control(self._claim.original), control(self._claim.payer_claim)):
            for one in newest_first:
                if number and control(one.payer_claim) == number:
                    return one.id
        return newest_first[0].id if newest_first else None

    # ------------------------------------------------------------------ filling in

    def _of_line(self, row: Row, found: _Found) -> Match:
        given = [(line, row.amounts) for line in found.lines]
        return self._filled(row, found, given)

    def _of_claim(self, row: Row, before: list[Match]) -> Match:
        """A row about the whole claim, spread over its lines; at best to be checked."""
        if row.kind is RowKind.WHOLE_CLAIM:
            return self._of_whole_claim(row)
        placed = [share for match in before for share in match.shares]
        lines = [self._all.by_id[share.line] for share in placed]
        if len(placed) < len(before):  # some line of it has no place yet, so neither has this
            return Match(row, Level.C if lines else Level.D, candidates=_ids(lines))
        room = [share.amounts.allocation for share in placed]
        spread = claim_level(row, room)
        return self._filled(row, _Found(Level.B3, lines), zip(lines, spread, strict=True))

    def _of_whole_claim(self, row: Row) -> Match:
        lines = sorted(self._ours, key=lambda line: (line.date, line.id))
        if not lines:
            person = next((lines for lines in self._all.of_person(self._claim) if lines), [])
            first, last = self._claim.dates
            near = [
                line for line in person if first is None or first <= line.date <= (last or first)
            ]
            return Match(row, Level.C if near else Level.D, candidates=_ids(near or person))
        standing = [self._stand(line) for line in lines]
        spread = (
            reversed_claim(row.amounts, [one.posted for one in standing])
            if row.charge < 0
            else whole_claim(row.amounts, [one.balance for one in standing])
        )
        return self._filled(row, _Found(Level.B3, lines), zip(lines, spread, strict=True))

    def _filled(
        self, row: Row, found: _Found, given: Iterable[tuple[SessionLine, Amounts]]
    ) -> Match:
        candidates, concerns = found.candidates, list(found.concerns)
        if found.lines and self._claim.wrong_sign:
            concerns.append("a reversal has to be negative, and this one is positive")
            given, candidates = (), found.lines
        elif found.lines and row.charge < 0 and not self._claim.is_reversal:
            concerns.append("a negative charge, but not said to be a reversal")
        shares = tuple(
            Share(line.id, amounts, self._takes_back(line))
            for line, amounts in (given if self._claim.posts else ())
        )
        return Match(row, found.level, shares, _ids(candidates), tuple(concerns))

    def _weighed(self, matches: list[Match]) -> list[Match]:
        """Notes what is taken back beyond what was paid, line by line, and how each line stands."""
        taken: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
        for match_ in matches:
            for share in match_.shares:
                taken[share.line] += share.amounts.allocation
        too_much = {}
        for line, amount in taken.items():
            had = self._stand(self._all.by_id[line]).posted.allocation
            if amount < 0 and had + amount < 0:
                too_much[line] = _takes_too_much(-amount, had)
        for match_ in matches:
            for share in match_.shares:
                self._standing[share.line].put(share.amounts)
        if not too_much:
            return matches
        return [
            replace(match_, concerns=(*match_.concerns, *_concerning(match_, too_much)))
            for match_ in matches
        ]


def _concerning(match_: Match, too_much: dict[int, str]) -> list[str]:
    return [
        too_much[share.line]
        for share in match_.shares
        if share.line in too_much and share.amounts.allocation < 0
    ]


def _takes_too_much(wanted: Decimal, had: Decimal) -> str:
    only = f"only {show_dollars(had)} was paid" if had > 0 else "nothing was paid"
    return f"takes back {show_dollars(wanted)}, {only}"


def _same_code(row: Row, line: SessionLine) -> bool:
    codes = {row.line.code.upper(), row.line.paid_code.upper()} if row.line else set()
    return line.code.strip().upper() in codes - {""}


def _same_charge(row: Row, line: SessionLine) -> bool:
    return abs(row.charge) == line.charge


def _ids(lines: Iterable[SessionLine]) -> tuple[int, ...]:
    return tuple(line.id for line in lines)


# ---------------------------------------------------------------------------- counting


def unallocated(amount: Decimal, effects: Decimal, matches: Iterable[Iterable[Match]]) -> Decimal:
    """What of the payment has no place yet, once everything filled in is accepted."""
    placed = (
        share.amounts.allocation for claim in matches for match in claim for share in match.shares
    )
    return amount - effects - sum(placed, ZERO)
