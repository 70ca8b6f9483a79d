"""An uploaded file → what it says, or why it is refused. No database, nothing is posted."""

from __future__ import annotations

from collections.abc import Iterator

from billing.era import refusals
from billing.era.adjustments import ActionTable
from billing.era.envelope import REMITTANCE, VERSION, Envelope, Frame
from billing.era.mapping import TransactionReader
from billing.era.reading import Interchange, Segment, decode, interchanges
from billing.era.refusals import FileRefused, Finding
from billing.era.remittance import File, Transaction

TRANSACTIONS_LIMIT = 10_000  # of a file


def read_file(data: bytes, *, actions: ActionTable | None = None) -> File:
    """Everything a file says, proved to the cent; whatever is wrong with it is in the answer.

    Never raises on a bad file.
    """
    reader = _FileReader(actions or ActionTable())
    try:
        text, warnings = decode(data)
        reader.warnings += warnings
        for interchange in interchanges(text):
            reader.read(interchange)
    except FileRefused as refused:
        reader.refusals.append(refused.finding)
    return reader.finish()


def segments_of(data: bytes, transaction: int, first: int, last: int) -> Iterator[str]:
    """The raw segments `first` to `last` of the nth 835 of a file (from 0): where a row came from.

    The file was read before, so nothing is refused here; what is not there is not given.
    """
    wanted = -1
    for interchange in interchanges(decode(data)[0]):
        envelope, separators = Envelope(interchange), interchange.separators
        for segment in interchange.segments():
            frame = envelope.follow(segment)
            if frame is None or not frame.is_remittance:
                continue
            wanted += frame.count == 1
            if wanted == transaction and first <= frame.count <= last:
                yield separators.element.join((segment.id, *segment.elements))
            if wanted == transaction and frame.closed:
                return


class _FileReader:
    """Collects what the interchanges of one file give."""

    def __init__(self, actions: ActionTable) -> None:
        self.refusals: list[Finding] = []
        self.warnings: list[Finding] = []
        self._actions = actions
        self._transactions: list[Transaction] = []
        self._interchanges: list[tuple[str, str]] = []
        self._numbers: set[str] = set()
        self._types: list[str] = []

    def read(self, interchange: Interchange) -> None:
        self._same_number_twice(interchange)
        self._interchanges.append((interchange.sender, interchange.control))
        self.warnings += interchange.warnings
        envelope = Envelope(interchange)
        reader: TransactionReader | None = None
        try:
            for segment in interchange.segments():
                frame = envelope.follow(segment)
                if frame is not None and frame.is_remittance:
                    reader = self._take(segment, frame, reader, interchange)
        finally:
            self._types += envelope.types
            self.refusals += envelope.findings
        missing = envelope.missing()
        if missing and (REMITTANCE in self._types or not self._types):
            if interchange.followed:
                of = f"interchange {refusals.short(interchange.control)}"
                raise FileRefused(refusals.not_closed(refusals.listed(missing), of, "ISA"))
            where = reader.where if reader else ""
            raise FileRefused(refusals.cut(missing, *envelope.last, where))

    def _take(
        self,
        segment: Segment,
        frame: Frame,
        reader: TransactionReader | None,
        interchange: Interchange,
    ) -> TransactionReader | None:
        if reader is None:
            if len(self._transactions) >= TRANSACTIONS_LIMIT:
                raise FileRefused(refusals.too_many_transactions(TRANSACTIONS_LIMIT))
            reader = TransactionReader(frame.number, interchange.separators, self._actions)
            self._warn_of_version(frame.version)
        reader.feed(segment, frame.count)
        if not frame.closed:
            return reader
        self._transactions.append(
            reader.finish(
                interchange=interchange.control,
                sender=interchange.sender,
                test=interchange.test,
                version=frame.version,
                envelope=tuple(frame.findings),
            )
        )
        return None

    def finish(self) -> File:
        others = [one for one in self._types if one != REMITTANCE]
        if REMITTANCE not in self._types and (self._types or not self.refusals):
            # Whatever else may be wrong with it: it is not for us.
            self.refusals = [refusals.other_types_only(list(dict.fromkeys(others)))]
        elif others:
            self.warnings.append(refusals.others_ignored(len(others)))
        return File(
            transactions=tuple(self._transactions),
            interchanges=tuple(self._interchanges),
            refusals=tuple(dict.fromkeys(self.refusals)),
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

    def _same_number_twice(self, interchange: Interchange) -> None:
        if interchange.control in self._numbers:
            self.refusals.append(refusals.interchange_twice(interchange.control))
        self._numbers.add(interchange.control)

    def _warn_of_version(self, version: str) -> None:
        if not version.startswith(VERSION):
            self.warnings.append(refusals.version(version))
