"""Rows of services: what is typed in them, and what each comes to.

Serves New session, a session reopened, New invoice and a draft. Read by hand like the grid of a
payment (billing.forms.grid). Boxes are named `row-<n>-<box>`; the rows on the page are sent as
`rows`, in their order. The arithmetic is `billing.charging`'s.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict

from billing import balances, charging
from billing.charging import MOST_UNITS, Charge, Owed
from billing.forms.base import PastDayField
from billing.forms.grid import line_id, plain
from billing.models import InvoiceLine, Service
from billing.money import TOO_LARGE, AmountError, parse, show_dollars
from patients.cards import NO_CARD, holds_card_number
from patients.models import Patient, Payer, Provider

MOST_ROWS = 50
BLANK = 3  # so many empty rows to begin with
BOXES = ("code", "description", "modifiers", "units", "fee", "provider", "date")
UNITS = f"Units are a whole number from 1 to {MOST_UNITS}."
MODIFIERS = "Modifiers have two letters or digits each, four at most: 95, GT."
BELOW_ZERO = "A fee cannot be below 0.00."


@dataclass
class Row:
    """A row as the template prints it."""

    n: int
    texts: dict[str, str]
    patient_pays: bool
    removed: bool = False
    unfinished: bool = False  # the code is still being typed
    line: InvoiceLine | None = None
    service: Service | None = None
    day: datetime.date | None = None
    provider: Provider | None = None
    payer: Payer | None = None
    fee: Decimal | None = None  # the schedule's, of that day
    units: int = 1
    amount: Decimal | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        typed = (self.texts[box] for box in ("code", "description", "modifiers", "fee"))
        return not self.line and not any(typed)

    @property
    def of_session(self) -> bool:
        """A session's line keeps its day and its provider."""
        return bool(self.line and self.line.session_id)

    @property
    def problem(self) -> str:
        return next(iter(self.errors.values()), "")

    @property
    def description(self) -> str:
        """What the line will say: as typed, or as the fee schedule has it."""
        if self.texts["description"]:
            return self.texts["description"]
        return self.service.description if self.service else ""

    @property
    def shown(self) -> str:
        """As description; a line without a service in the schedule keeps its own."""
        return self.description or (self.line.description if self.line else "")

    @property
    def words(self) -> str:
        """The row in an error summary: its code, or its place."""
        return self.texts["code"] or self.texts["description"] or f"Row {self.n}"


class ChargeRows:
    """The services typed so far, with their fees, amounts and who owes them.

    `day` and `provider` are the session's; on an invoice each row has its own (`free`). A fee box
    left empty means the fee of the schedule.
    """

    def __init__(
        self,
        *,
        patient: Patient,
        data: QueryDict | None = None,
        lines: Sequence[InvoiceLine] = (),
        day: datetime.date | None = None,
        provider: Provider | None = None,
        free: bool = False,
        blank: int = BLANK,
        typing: bool = False,
    ) -> None:
        self.patient, self.day, self.provider, self.free = patient, day, provider, free
        self.most = MOST_ROWS
        self.lines = {line.pk: line for line in lines}
        self.typing = typing  # then half a code is no mistake yet
        self.too_many = False
        self.besides: list[tuple[Decimal, Payer | None]] = []  # what else is on the invoice
        self.added: list[Row] = []
        self.rows = self._of_lines(lines) if data is None else self._typed(data)
        if data is None or not self.rows:
            self._add_blank(max(1, blank - len(self.rows)))
        self.work_out()

    # ------------------------------------------------------------------ reading

    def _typed(self, data: QueryDict) -> list[Row]:
        numbers = [number for text in data.getlist("rows") if (number := line_id(text))]
        numbers = list(dict.fromkeys(numbers))
        self.too_many = len(numbers) > MOST_ROWS
        return [self._read(number, data.dict()) for number in numbers[:MOST_ROWS]]

    def _read(self, n: int, sent: Mapping[str, Any]) -> Row:
        texts = {box: str(sent.get(f"row-{n}-{box}", "")) for box in BOXES}
        # What an amount is, is said in one place (money.parse); nothing but blanks is no fee.
        texts = {
            box: text.strip(" ") if box == "fee" else text.strip() for box, text in texts.items()
        }
        number = line_id(str(sent.get(f"row-{n}-line", "")))
        line = self.lines.get(number) if number else None
        row = Row(
            n,
            texts,
            patient_pays=f"row-{n}-patient" in sent,
            removed=f"row-{n}-remove" in sent,
            line=line,
        )
        if number and line is None:
            row.errors["code"] = "That line is not on this draft any more."
        return row

    def _of_lines(self, lines: Iterable[InvoiceLine]) -> list[Row]:
        found = []
        for n, line in enumerate(lines, start=1):
            fee = charging.fee_of(line.amount, line.units)
            texts = {
                "code": line.code,
                "description": line.description if self.free or not line.service else "",
                "modifiers": line.modifiers,
                "units": str(line.units),
                "fee": plain(fee) if fee is not None else "",
                "provider": str(line.provider_id),
                "date": line.service_date.isoformat(),
            }
            # Ticked only where somebody else could have been asked.
            pays = line.payer_id is None and bool(self._insurers.first(line.service_date))
            found.append(Row(n, texts, patient_pays=pays, line=line))
        return found

    def _add_blank(self, count: int) -> list[Row]:
        first = max((row.n for row in self.rows), default=0) + 1
        new = [
            Row(n, dict.fromkeys(BOXES, ""), patient_pays=False)
            for n in range(first, first + count)
        ]
        for row in new:
            if self.free:
                row.texts["date"] = self.day.isoformat() if self.day else ""
                row.texts["provider"] = str(self.provider.pk) if self.provider else ""
        self.rows += new
        return new

    # ------------------------------------------------------------------ working out

    def work_out(self) -> None:
        """Fees, amounts and who owes, for what is in the rows now; three queries however many."""
        services = self._services()
        fees = balances.Fees(services.values())
        for row in self.rows:
            if not row.empty and not row.removed:
                self._work_out(row, services, fees)
        self._leave_fees_of_the_schedule()

    def _services(self) -> dict[str, Service]:
        codes = {row.texts["code"] for row in self.rows if "\0" not in row.texts["code"]}
        codes |= {code.upper() for code in codes}
        found = Service.objects.filter(code__in=codes - {""})
        return {service.code.upper(): service for service in found}

    @cached_property
    def _insurers(self) -> balances.Insurers:
        return balances.Insurers(self.patient)

    @cached_property
    def providers(self) -> list[Provider]:
        """Whom a row of an invoice may name: those at work, and those already on its lines."""
        named = {line.provider_id for line in self.lines.values()}
        return [each for each in Provider.objects.all() if each.active or each.pk in named]

    def _work_out(self, row: Row, services: Mapping[str, Service], fees: balances.Fees) -> None:
        self._read_day_and_provider(row)
        self._read_service(row, services)
        self._read_words(row)
        insurer = self._insurers.first(row.day) if row.day else None
        if row.line and row.line.payer and row.line.service_date == row.day:
            insurer = row.line.payer
        row.payer = None if row.patient_pays else insurer
        if row.service and row.day:
            found = fees.of(row.service, row.day, row.payer)
            row.fee = found.amount if found else None
        fee = self._read_fee(row)
        if fee is not None and "units" not in row.errors:
            row.amount = charging.amount_of(row.units, fee)
            if row.amount is None:
                row.errors.setdefault("fee", TOO_LARGE)

    def _read_day_and_provider(self, row: Row) -> None:
        row.day, row.provider = self.day, self.provider
        if row.of_session and self.free:
            assert row.line  # noqa: S101
            row.day, row.provider = row.line.service_date, row.line.provider
        elif self.free:
            try:
                row.day = PastDayField(
                    error_messages={"required": "Enter the date of the service."}
                ).clean(row.texts["date"])
            except ValidationError as error:
                row.day = None
                row.errors.setdefault("date", error.messages[0])
            number = line_id(row.texts["provider"])
            row.provider = next((each for each in self.providers if each.pk == number), None)
            if row.provider is None:
                row.errors.setdefault("provider", "Choose the provider.")

    def _read_service(self, row: Row, services: Mapping[str, Service]) -> None:
        code = row.texts["code"]
        row.service = services.get(code.upper())
        known = row.line is not None and row.line.code.upper() == code.upper()
        if row.service and not row.service.active and not known:
            row.errors.setdefault(
                "code", f"{row.service} is not offered any more. Choose another service."
            )
        elif row.service is None and code and not self.free and not known and self.typing:
            row.unfinished = True
        elif row.service is None and code and not self.free and not known:
            row.errors.setdefault("code", f"No service is called “{code[:30]}”. Choose one.")
        elif not code and not self.free and not known:
            row.errors.setdefault("code", "Enter the code of the service.")

    def _read_words(self, row: Row) -> None:
        for box, most in (("code", 20), ("description", 160)):
            if "\0" in row.texts[box]:
                row.errors.setdefault(box, "That text holds a character that cannot be kept.")
            elif len(row.texts[box]) > most:
                row.errors.setdefault(box, f"Use {most} characters at most.")
            elif holds_card_number(row.texts[box]):
                row.errors.setdefault(box, NO_CARD)
        if self.free and not row.description:
            row.errors.setdefault("description", "Enter what this line is for, or a code.")
        codes = [word for word in re.split(r"[\s,;]+", row.texts["modifiers"].upper()) if word]
        if len(codes) > 4 or not all(re.fullmatch("[A-Z0-9]{2}", code) for code in codes):
            row.errors.setdefault("modifiers", MODIFIERS)
        else:
            row.texts["modifiers"] = ",".join(dict.fromkeys(codes))
        units = line_id(row.texts["units"] or "1")
        if units is None or not 1 <= units <= MOST_UNITS:
            row.errors.setdefault("units", UNITS)
        else:
            row.units = units

    def _read_fee(self, row: Row) -> Decimal | None:
        """The fee typed, otherwise the schedule's."""
        if not row.texts["fee"]:
            if row.fee is None and row.service and row.day and "code" not in row.errors:
                row.errors.setdefault(
                    "fee", f"No fee is set for {row.service.code} on {row.day:%d %b %Y}. Enter it."
                )
            elif row.fee is None and not row.service and not row.errors and not self.typing:
                row.errors.setdefault("fee", "Enter the fee.")
            return row.fee
        try:
            fee = parse(row.texts["fee"])
        except AmountError as error:
            row.errors.setdefault("fee", str(error))
            return None
        if fee < 0:
            row.errors.setdefault("fee", BELOW_ZERO)
            return None
        return fee

    def _leave_fees_of_the_schedule(self) -> None:
        """What a saved line has from the schedule leaves its box empty, and so follows the code
        and the day."""
        for row in self.rows:
            if row.line and row.fee is not None and row.texts["fee"] == plain(row.fee):
                row.texts["fee"] = ""
            if row.line and row.service and row.texts["description"] == row.service.description:
                row.texts["description"] = ""

    # ------------------------------------------------------------------ figures

    @property
    def filled(self) -> list[Row]:
        return [row for row in self.rows if not row.empty and not row.removed]

    @property
    def known(self) -> bool:
        """False while something typed has no amount: then no total may look right."""
        return not self.too_many and all(
            row.amount is not None and not row.errors for row in self.filled
        )

    @property
    def wrong(self) -> str:
        """The first thing that is wrong, as far as it can be known while somebody types."""
        return next((row.problem for row in self.filled if row.problem), "")

    @property
    def owed(self) -> Owed:
        found = [(row.amount, row.payer) for row in self.filled if row.amount is not None]
        return charging.together([*self.besides, *found])

    @property
    def said(self) -> str:
        """What a screen reader hears once typing pauses."""
        if self.wrong:
            return self.wrong
        if not self.known:
            return "Choose the service, and enter a fee where none is set."
        noun = "line" if self.free else "service"
        counted = f"1 {noun}" if self.owed.lines == 1 else f"{self.owed.lines} {noun}s"
        return f"{counted}, {show_dollars(self.owed.total)}."

    # ------------------------------------------------------------------ filling rows

    def make_room(self) -> None:
        """A fresh row under the last one once something is typed in that."""
        if self.rows and not self.rows[-1].empty and len(self.rows) < MOST_ROWS:
            self.added += self._add_blank(1)

    def another(self) -> None:
        """The button for those without JavaScript."""
        if len(self.rows) < MOST_ROWS:
            self.added += self._add_blank(1)

    def put(self, lines: Sequence[Mapping[str, str]]) -> dict[str, str]:
        """Services for the typist, into the empty rows and then into new ones.

        Returns box → new text, for boxes that are on the page already.
        """
        values: dict[str, str] = {}
        for texts in lines:
            row = next((row for row in self.rows if row.empty), None)
            if row is None:
                if len(self.rows) >= MOST_ROWS:
                    break
                row = self._add_blank(1)[0]
                self.added.append(row)
            row.texts.update(texts)
            if row not in self.added:
                values |= {f"row-{row.n}-{box}": text for box, text in texts.items()}
        self.work_out()
        return values

    def next_box(self) -> str:
        """Where typing goes on: the first empty code box."""
        row = next((row for row in self.rows if row.empty), None)
        return f"row-{row.n}-code" if row else ""

    # ------------------------------------------------------------------ saving

    @property
    def charges(self) -> list[Charge]:
        """The rows as the ledger takes them; only once there are no problems."""
        found = []
        for row in self.filled:
            assert row.provider  # noqa: S101
            assert row.day  # noqa: S101
            assert row.amount is not None  # noqa: S101
            found.append(
                Charge(
                    provider=row.provider,
                    date=row.day,
                    description=row.description or (row.line.description if row.line else ""),
                    units=row.units,
                    amount=row.amount,
                    payer=row.payer,
                    code=row.service.code if row.service else row.texts["code"],
                    modifiers=row.texts["modifiers"],
                    service=row.service,
                    line=row.line.pk if row.line else None,
                )
            )
        return found

    def problems(self, *, nothing: str = "Enter at least one service.") -> list[dict[str, str]]:
        """Everything that keeps these rows from being saved, for the error summary."""
        items = [
            {"href": f"#row-{row.n}-{box}", "text": f"{row.words[:30]}: {text}"}
            for row in self.filled
            for box, text in row.errors.items()
        ]
        if self.too_many:
            items.append({"href": "#rows", "text": f"{MOST_ROWS} rows at most fit on one page."})
        if nothing and not self.filled and not items:
            first = self.rows[0].n if self.rows else 1
            items.append({"href": f"#row-{first}-code", "text": nothing})
        return items
