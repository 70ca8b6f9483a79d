"""A file that was uploaded -> one draft for each of its payments, or why there is none."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from billing.era import known, refusals
from billing.era.adjustments import Action, ActionTable, Rule
from billing.era.importing import read_file
from billing.era.matching import Candidates, Match, control, match
from billing.era.reading import LIMIT
from billing.era.refusals import Finding
from billing.era.remittance import Claim, Person, Row, Transaction
from billing.models import (
    Clinic,
    CodeAction,
    EraFile,
    EraInterchange,
    Method,
    PayerKey,
    Payment,
    Remittance,
    RemittanceClaim,
    RemittanceOffset,
    RemittanceRow,
    RemittanceState,
)
from billing.models.bulk import insert
from billing.models.remittances import AMOUNTS
from billing.money import ZERO, currency
from billing.remittances.sessions import posted_by_others, session_lines
from patients.models import Payer, Provider, without_nul

METHODS = {"EFT": Method.EFT, "Check": Method.CHECK, "Wire": Method.EFT, "Other": Method.OTHER}
CLAIMS_AT_ONCE = 1000
Part = TypeVar("Part")


@dataclass
class Uploaded:
    """What became of one file. `file` is None where nothing of it was kept."""

    name: str
    file: EraFile | None = None
    drafts: list[Remittance] = field(default_factory=list)
    refused: list[tuple[str, Finding]] = field(default_factory=list)  # (payment, why)
    earlier: EraFile | Remittance | Payment | None = None  # what a refusal names

    def refuse(self, finding: Finding, of: str = "") -> Uploaded:
        self.refused.append((of, finding))
        return self


Doing = Generator[tuple[int, int, str], None, Uploaded]  # (so many, of so many, things)


def upload(name: str, data: bytes, *, by: AbstractBaseUser) -> Uploaded:
    """Read a file, match it and keep its drafts. Nothing is posted; nothing of a bad file is kept.

    Of several people with the same file, or the same check, one gets the drafts; the others are
    told of that one.
    """
    doing = uploading(name, data, by=by)
    while True:
        try:
            next(doing)
        except StopIteration as done:
            uploaded: Uploaded = done.value
            return uploaded


def uploading(name: str, data: bytes, *, by: AbstractBaseUser) -> Doing:
    """The same step by step, for a page with a progress bar."""
    uploaded = Uploaded(_shortened(name))
    if len(data) > LIMIT:
        return uploaded.refuse(refusals.too_large(len(data), LIMIT))
    sha256 = hashlib.sha256(data).hexdigest()
    if earlier := _same_file(sha256):
        return _known(uploaded, earlier)
    yield 0, 0, "claims read"
    read = read_file(data, actions=action_table())
    for finding in read.refusals:
        uploaded.refuse(finding)
    importable: dict[int, Transaction] = {}  # by their place in the file
    for position, one in () if read.refusals else enumerate(read.transactions):
        foreign = known.in_our_currency(one.payment, currency().code)
        if why := one.refusals or (foreign and (foreign,)):
            uploaded.refuse(why[0], one.payment.reference or f"Transaction {one.number}")
        else:
            importable[position] = one
    if not importable:
        return uploaded
    claims = sum(len(one.claims) for one in importable.values())
    done = 0
    try:
        with transaction.atomic():
            file = EraFile.objects.create(
                name=uploaded.name,
                sha256=sha256,
                size=len(data),
                packed=zlib.compress(data, 6),
                test=any(one.test for one in importable.values()),
                uploaded_by_id=by.pk,
            )
            warnings = [*read.warnings, *_used_before(read.interchanges)]
            EraInterchange.objects.bulk_create(
                EraInterchange(file=file, sender=sender[:15], control=number[:9])
                for sender, number in read.interchanges
            )
            for position, one in importable.items():
                yield done, claims, "claims matched"
                draft = _draft(file, position, one, uploaded)
                done += len(one.claims)
                if draft:
                    uploaded.drafts.append(draft)
            if not uploaded.drafts:
                raise _NothingNew
            file.warnings = [[each.code, each.text] for each in warnings if each.text]
            file.refusals = [[of, each.code, each.text] for of, each in uploaded.refused]
            file.save(update_fields=["warnings", "refusals"])
    except _NothingNew:
        return uploaded
    except IntegrityError:
        # Somebody else was faster, with the same file or the same check.
        uploaded.drafts.clear()
        if earlier := _same_file(sha256):
            return _known(uploaded, earlier)
        return uploaded.refuse(
            Finding("E20", "A payment of this file was imported a moment ago. Upload it again.")
        )
    yield claims, claims, "claims matched"
    uploaded.file = file
    return uploaded


class _NothingNew(Exception):
    """Every payment of the file is known: the file is not kept either."""


def action_table() -> ActionTable:
    """What is done about reason codes, as an administrator has set it."""
    rules = [
        Rule(each.group, each.reason, Action(each.action), each.needs_look, each.why)
        for each in CodeAction.objects.all()
    ]
    return ActionTable(rules) if rules else ActionTable()


# ---------------------------------------------------------------------------- known before


def _same_file(sha256: str) -> EraFile | None:
    earlier = EraFile.objects.filter(sha256=sha256, discarded=False).first()
    if earlier and not earlier.remittances.standing().exists():
        # Its payments were undone one by one: it may come again.
        _forget(earlier.remittances.all())
        return None
    return earlier


def _known(uploaded: Uploaded, earlier: EraFile) -> Uploaded:
    uploaded.earlier = earlier
    day = timezone.localdate(earlier.uploaded_at)
    return uploaded.refuse(refusals.file_known(day, earlier.name))


def _forget(remittances: Iterable[Remittance]) -> None:
    """Discard remittances whose payments were undone elsewhere, and files nothing is left of."""
    gone = list(remittances)
    Remittance.objects.filter(pk__in=[each.pk for each in gone]).update(
        state=RemittanceState.DISCARDED
    )
    discard_empty(EraFile.objects.filter(pk__in={each.file_id for each in gone}))


def discard_empty(files: Iterable[EraFile]) -> None:
    """A file all of whose payments are discarded counts as never uploaded."""
    for file in files:
        if not file.remittances.exclude(state=RemittanceState.DISCARDED).exists():
            EraFile.objects.filter(pk=file.pk).update(discarded=True)


def _used_before(interchanges: Sequence[tuple[str, str]]) -> Iterable[Finding]:
    used: set[tuple[str, str]] = set()
    for sender, number in interchanges[:100]:
        if EraInterchange.objects.filter(
            sender=sender[:15], control=number[:9], file__discarded=False
        ).exists():
            used.add((sender, number))
    return [refusals.interchange_used(number) for _sender, number in used]


def recognized(keys: Sequence[tuple[str, str]]) -> Payer | None:
    """The payer remembered under the surest of these keys."""
    wanted = Q()
    for kind, value in keys:
        wanted |= Q(kind=kind, value=value[:120])
    if not wanted:
        return None
    found = {
        (each.kind, each.value): each.payer
        for each in PayerKey.objects.filter(wanted).select_related("payer")
    }
    return next(
        (found[kind, value[:120]] for kind, value in keys if (kind, value[:120]) in found), None
    )


def known_payments(
    reference: str, *, payer: Payer | None, key: str, but: Remittance | None = None
) -> tuple[list[known.KnownPayment], Remittance | None]:
    """The standing remittances of this number, as E20 wants them, and the first of them."""
    same = Q(payer=payer) if payer else Q(pk__in=[])
    if key:
        same |= Q(key=key)
    standing = Remittance.objects.standing().filter(same, reference__iexact=reference)
    if but:
        standing = standing.exclude(pk=but.pk)
    listed = list(standing.with_names().order_by("pk"))
    return [
        known.KnownPayment(
            number=each.payment.number or "" if each.payment else "still a draft",
            date=timezone.localdate(each.file.uploaded_at),
            by=each.file.uploaded_by.get_short_name() or each.file.uploaded_by.get_username(),
            claims=frozenset(
                known.ClaimKey(
                    control(claim.control),
                    control(claim.payer_claim),
                    claim.status,
                    claim.charge,
                    claim.paid,
                )
                for claim in (each.claims.all() if each.notice else ())
            ),
        )
        for each in listed
    ], (listed[0] if listed else None)


# ---------------------------------------------------------------------------- drafts


def _draft(file: EraFile, position: int, one: Transaction, uploaded: Uploaded) -> Remittance | None:
    """The draft of a transaction; None, with the reason kept, where we have its payment already."""
    payment = one.payment
    keys = known.payer_keys(payment)
    key = " ".join(keys[0])[:140] if keys else ""
    payer = recognized(keys)
    if payer:  # one check of a payer is imported by one person at a time
        Payer.objects.select_for_update(no_key=True).get(pk=payer.pk)
    reference = _shortened(payment.reference, 50)
    undone = Remittance.objects.filter(
        Q(payer=payer) if payer else Q(key=key),
        reference__iexact=reference,
        state=RemittanceState.POSTED,
        payment__reversed=True,
    )
    _forget(undone)
    earlier, first = known_payments(reference, payer=payer, key=key)
    name = payer.name if payer else payment.payer.name
    finding = known.imported_before(one, name, earlier)
    warnings = list(one.warnings)
    if finding and finding.code == "E20":
        uploaded.earlier = uploaded.earlier or first
        uploaded.refuse(finding, payment.reference)
        return None
    if finding:
        warnings.append(finding)
    if elsewhere := known.made_out_to_us(payment.payee, _our_ids()):
        warnings.append(elsewhere)
    draft = Remittance.objects.create(
        file=file,
        position=position,
        number=one.number[:9],
        payer=payer,
        payer_name=_shortened(payment.payer.name, 80),
        keys=[list(each) for each in keys],
        key=key,
        payee=_shortened(payment.payee.name, 80),
        reference=reference,
        amount=payment.amount,
        date=payment.date,
        method=METHODS.get(payment.method, ""),
        notice=payment.notice_only and not payment.amount,
        warnings=[[each.code, each.text] for each in warnings if each.text],
        claim_count=len(one.claims),
    )
    _write(draft, one)
    RemittanceOffset.objects.bulk_create(
        RemittanceOffset(
            remittance=draft,
            position=place,
            code=each.code[:4],
            reference=each.reference[:50],
            amount=each.amount,
        )
        for place, each in enumerate(one.provider_adjustments)
        if each.amount
    )
    return draft


def match_again(draft: Remittance) -> None:
    """Match a draft anew: its payer has just been said. What was decided about rows is gone."""
    one = read_file(draft.file.content, actions=action_table()).transactions[draft.position]
    draft.claims.all().delete()
    _write(draft, one)


def _our_ids() -> set[str]:
    """The practice's NPIs and tax ids, as far as they are entered."""
    clinic = Clinic.current()
    ids = {clinic.npi, clinic.tax_id.replace("-", ""), clinic.tax_id}
    return (ids | set(Provider.objects.values_list("npi", flat=True))) - {""}


def _write(draft: Remittance, one: Transaction) -> None:
    """The claims of a draft and their rows, matched where the payer is known."""
    lines = session_lines(draft.payer, one.claims) if draft.payer else []
    candidates = Candidates(lines, payer=draft.payer_id or 0)
    matches = match(one.claims, candidates)
    groups = {later: first for first, later in one.corrections().items()}
    # In parts, so that a long file does not stand in memory once more as rows.
    for part in _in_turn(zip(one.claims, matches, strict=True)):
        kept = [
            _claim(draft, claim, groups.get(claim.index, claim.index)) for claim, _found in part
        ]
        insert(kept)
        rows = [
            row
            for claim, (said, found) in zip(kept, part, strict=True)
            for row in _rows(claim, said, found)
        ]
        if draft.payer:
            _compare_prior(draft.payer, rows)
        insert(rows)


def _in_turn(each: Iterable[Part]) -> Iterable[list[Part]]:
    rest = iter(each)
    while part := list(islice(rest, CLAIMS_AT_ONCE)):
        yield part


def _claim(draft: Remittance, claim: Claim, group: int) -> RemittanceClaim:
    return RemittanceClaim(
        remittance=draft,
        index=claim.index,
        group=group,
        control=_shortened(claim.control, 50),
        payer_claim=_shortened(claim.payer_claim, 50),
        status=claim.status[:2],
        meaning=claim.meaning[:40],
        charge=claim.charge,
        paid=claim.paid,
        patient=_shortened(claim.patient.name, 120),
        member_id=_shortened(claim.patient.id, 80),
        corrected=_shortened(_words(claim.corrected), 200),
        forwarded=claim.forwarded,
        forwarded_to=_shortened(claim.forwarded_to, 80),
        reversal=claim.is_reversal,
        posts=claim.posts,
        first_segment=claim.segments[0],
        last_segment=claim.segments[1],
    )


def _words(person: Person | None) -> str:
    if person is None:
        return ""
    return ", ".join(part for part in (person.name, f"id {person.id}" if person.id else "") if part)


def _rows(kept: RemittanceClaim, claim: Claim, matches: Sequence[Match]) -> Iterable[RemittanceRow]:
    for number, found in enumerate(matches):
        row = found.row
        shares = [share for share in found.shares if share.amounts.total or row.kind == "line"]
        shares = shares or list(found.shares[:1])
        placed: list[tuple[int | None, Any]] = [(share.line, share.amounts) for share in shares]
        for part, (line, amounts) in enumerate(placed or [(None, row.amounts)]):
            first = part == 0
            made = RemittanceRow(
                remittance_id=kept.remittance_id,
                claim=kept,
                group=kept.group,
                number=number,
                part=part,
                kind=row.kind.value,
                date=row.date,
                charge=row.charge if first else ZERO,
                prior=row.prior_payer if first else ZERO,
                review=row.review if first else ZERO,
                adjustments=_adjustments(row),
                remarks=" ".join(row.remarks or claim.remarks)[:200],
                level=found.level.value,
                concerns=list(found.concerns),
                candidates=list(found.candidates[:50]),
                line_id=line,
                code=row.code[:20],
                paid_code=row.line.paid_code[:20] if row.line and row.line.changed else "",
                first_segment=row.segments[0],
                last_segment=row.segments[1],
                **{name: getattr(amounts, name) for name in AMOUNTS},
            )
            made.settle()
            yield made


def _adjustments(row: Row) -> list[list[Any]]:
    return [
        [each.group, each.reason, str(each.amount), each.action.value, each.needs_look]
        for each in row.adjustments
    ]


def _compare_prior(payer: Payer, rows: Sequence[RemittanceRow]) -> None:
    """W8 on rows that count what earlier payers did."""
    counted = [(row, row.line_id) for row in rows if row.prior > 0 and row.line_id]
    posted = posted_by_others(payer, [line for _row, line in counted])
    for row, line in counted:
        if row.prior != (had := posted.get(line, ZERO)):
            finding = refusals.prior_payer_differs(row.prior, had)
            row.notes = [[finding.code, finding.text]]


def _shortened(text: str, longest: int = 100) -> str:
    return without_nul(text)[:longest].strip()
