"""What became of sessions: not billed, on a draft, on an invoice, void."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from billing.models import Invoice, InvoiceLine
from billing.money import ZERO
from patients.models import Payer, Session

NOT_BILLED, DRAFT, BILLED, VOID = "Not billed", "Draft", "Billed", "Void"
STATES = (NOT_BILLED, DRAFT, BILLED, VOID)


@dataclass(frozen=True)
class SessionRow:
    """A session with the lines that count for it: the draft's, else the invoice's, else the void."""

    session: Session
    lines: Sequence[InvoiceLine]
    state: str

    @property
    def invoice(self) -> Invoice | None:
        """Where its lines are: an issued invoice, or a draft."""
        return self.lines[0].invoice if self.lines else None

    @property
    def charge(self) -> Decimal:
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def payers(self) -> list[Payer | None]:
        """Who is asked for it; None is the patient."""
        return list(dict.fromkeys(line.payer for line in self.lines))

    @property
    def unbilled(self) -> bool:
        return self.state in (NOT_BILLED, DRAFT)

    @property
    def billable(self) -> bool:
        """Whether Bill all can bill it as it is."""
        return self.state == DRAFT


def session_rows(sessions: Iterable[Session]) -> list[SessionRow]:
    """Sessions with what became of them, in the order given; one query however many."""
    listed = list(sessions)
    lines: dict[int, list[InvoiceLine]] = defaultdict(list)
    found = (
        InvoiceLine.objects.filter(session__in=listed)
        .select_related("invoice__patient", "payer", "void")
        .order_by("pk")
    )
    for line in found:
        assert line.session_id  # noqa: S101
        lines[line.session_id].append(line)
    return [_row(session, lines[session.pk]) for session in listed]


def _row(session: Session, lines: Sequence[InvoiceLine]) -> SessionRow:
    drafts = [line for line in lines if line.issued_on is None]
    standing = [line for line in lines if line.issued_on and not hasattr(line, "void")]
    if drafts:
        return SessionRow(session, drafts, DRAFT)
    if standing:
        return SessionRow(session, standing, BILLED)
    return SessionRow(session, lines, VOID if lines else NOT_BILLED)


@dataclass(frozen=True)
class SessionSum:
    """So many sessions of one state, and what they come to."""

    state: str
    count: int
    charge: Decimal


def session_sums(rows: Iterable[SessionRow]) -> list[SessionSum]:
    """The line over a list of sessions; states nothing is in are left out."""
    by_state: dict[str, list[SessionRow]] = defaultdict(list)
    for row in rows:
        by_state[row.state].append(row)
    return [
        SessionSum(state, len(found), sum((row.charge for row in found), ZERO))
        for state in STATES
        if (found := by_state[state])
    ]


def unbilled(sessions: QuerySet[Session]) -> QuerySet[Session]:
    """Of these sessions, those with something on a draft, and those nothing was ever billed for."""
    drafts = InvoiceLine.objects.filter(session=OuterRef("pk"), invoice__number__isnull=True)
    lines = InvoiceLine.objects.filter(session=OuterRef("pk"))
    return sessions.filter(Q(Exists(drafts)) | ~Exists(lines))


def drafted_sessions() -> int:
    """How many sessions wait on drafts; drafts are found by the index on the number they lack."""
    lines = InvoiceLine.objects.filter(invoice__number__isnull=True, session__isnull=False)
    found: int = lines.aggregate(count=Count("session", distinct=True))["count"]
    return found
