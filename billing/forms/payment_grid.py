"""The lines of a payment on the screen: what is typed on them, and what follows from it.

Holds no money rule of its own: every figure is `sharing`'s, here only put into the words and
shapes the templates print. Serves New insurance payment, an insurance payment reopened, and Take
payment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from billing import balances, sharing
from billing.forms.grid import Boxes, box_name, line_id, plain
from billing.models import InvoiceLine
from billing.money import ZERO, show, show_dollars
from billing.sharing import Entry, LineShare, LineState, Sharing
from patients.models import Patient, Payer

TO_FIX = "Correct the marked amounts; until then this total is not known."
LOST = "A line that was on this page is not there any more. Check the others and save again."


@dataclass(frozen=True)
class Row:
    """One line as the template prints it."""

    line: InvoiceLine
    share: LineShare
    texts: dict[str, str]
    errors: dict[str, str]
    first_of_patient: bool

    @property
    def id(self) -> int:
        return self.line.pk

    @property
    def problem(self) -> str:
        return next(iter(self.errors.values()), "") or self.share.problem


class PaymentGrid:
    """What is typed on the lines of one payment, and the figures that follow."""

    def __init__(
        self,
        *,
        lines: Sequence[int],
        data: Mapping[str, str],
        amount: Decimal | None,
        from_insurer: bool,
        payer: Payer | None = None,
        already: Decimal = ZERO,
        amount_problem: str = "",
        own_provider: object = None,
        own_patient: Patient | None = None,
        saved: bool = False,
    ) -> None:
        self.from_insurer = from_insurer
        self.payer = payer
        self.amount = amount
        self.already = already
        self.amount_problem = amount_problem
        self.own_provider = str(own_provider or "")
        self.own_patient = own_patient
        self.saved = saved
        self.columns = ("write_off", "paid") if from_insurer else ("paid",)
        self.states: list[LineState] = balances.line_states_by_id(lines, payer)
        self.boxes = Boxes(self.columns, [state.id for state in self.states], data)
        self.lost = len(set(lines)) > len(self.states)
        self.refused: dict[int, str] = {}
        self._shared: Sharing | None = None

    # ------------------------------------------------------------------ figures

    @property
    def entries(self) -> dict[int, Entry]:
        return self.boxes.entries

    @property
    def sharing(self) -> Sharing:
        """The figures for what is typed now; worked out once until a box is filled."""
        if self._shared is None:
            self._shared = sharing.share_out(
                self.amount or ZERO,
                self.states,
                self.entries,
                already=self.already,
                from_insurer=self.from_insurer,
            )
        return self._shared

    def _put(self, line: int, column: str, amount: Decimal | None) -> dict[str, str]:
        """Fill a box; nothing in it where there is nothing to put."""
        self._shared = None
        return {box_name(line, column): self.boxes.fill(line, column, amount or None)}

    @property
    def nothing_typed(self) -> bool:
        return all(entry.empty for entry in self.entries.values())

    @property
    def known(self) -> bool:
        """False while something typed is no amount: then no total may look right."""
        return not self.boxes.errors and not self.amount_problem

    @property
    def unallocated(self) -> dict[str, Any]:
        """The block beside Amount and its echo in the footer."""
        shared = self.sharing
        block = {
            "label": "Unallocated",
            "state": shared.state,
            "figure": show_dollars(shared.unallocated),
            "words": sharing.words(shared),
            "allocated": show_dollars(shared.given),
            "amount": show_dollars(shared.amount),
            "percent": shared.percent,
        }
        if not self.known:
            block.update(state="stale", figure="-", words="check the amounts")
        return block

    @property
    def explain(self) -> dict[str, Any]:
        """The message line: what the total means, with the buttons that mend it."""
        shared = self.sharing
        if not self.known:
            return {"state": "over", "lead": self.amount_problem, "text": TO_FIX}
        left = show_dollars(shared.unallocated)
        texts = {
            "empty": "Type the total from the check or EFT."
            " Then share it out over the sessions it paid for.",
            "todo": "Enter what the insurer paid on each line."
            f" You can also save now: {left} then waits in the Today list.",
            "done": f"Every cent of {show_dollars(shared.amount)} is allocated."
            + (" Ready to save." if shared.allocated else ""),
            "over": f"The lines add up to {show_dollars(shared.given)}"
            f" but the payment is {show_dollars(shared.amount)}.",
        }
        if not self.from_insurer:
            texts["empty"] = (
                "Type what the patient pays. Then share it out over the lines it is for."
            )
            texts["todo"] = (
                "Enter what is paid on each line."
                f" You can also save now: {left} then stays as the patient's credit."
            )
        if self.saved and not shared.allocated:
            texts["todo"] = (
                f"{left} of it waits in the Today list. Add a patient's sessions to allocate it."
            )
        explain: dict[str, Any] = {"state": shared.state, "lead": "", "text": texts[shared.state]}
        if shared.state == "over":
            explain["lead"] = sharing.too_much(shared)
            explain["buttons"] = self._fixes(shared)
        return explain

    def _fixes(self, shared: Sharing) -> list[dict[str, str]]:
        fixes = []
        if not self.already:
            wanted = show_dollars(shared.allocated)
            fixes.append({"label": f"Change Amount to {wanted}", "value": "amount"})
        if any(share.paid > 0 for share in shared.lines):
            off = show_dollars(shared.over)
            fixes.append({"label": f"Take {off} off the last line", "value": "trim"})
        return fixes

    @property
    def said(self) -> str:
        """What a screen reader hears once typing pauses."""
        if not self.known:
            return self.amount_problem or next(iter(self.boxes.errors.values()))
        shared = self.sharing
        if shared.over:
            return f"Over-allocated by {show_dollars(shared.over)}."
        return f"Unallocated {show_dollars(shared.unallocated)}, {sharing.words(shared)}."

    @property
    def totals(self) -> dict[str, Decimal]:
        return self.sharing.totals

    # ------------------------------------------------------------------ rows

    @cached_property
    def lines(self) -> dict[int, InvoiceLine]:
        ids = [state.id for state in self.states]
        return InvoiceLine.objects.with_names().select_related("payer").in_bulk(ids)

    @property
    def rows(self) -> list[Row]:
        shared = self.sharing
        rows: list[Row] = []
        before: Patient | None = None
        for share in shared.lines:
            line = self.lines[share.line.id]
            rows.append(self._row(line, share, first_of_patient=line.patient != before))
            before = line.patient
        return rows

    def _row(self, line: InvoiceLine, share: LineShare, *, first_of_patient: bool) -> Row:
        errors = {
            column: self.boxes.errors[line.pk, column]
            for column in self.columns
            if (line.pk, column) in self.boxes.errors
        }
        if line.pk in self.refused:
            errors.setdefault("paid", self.refused[line.pk])
        texts = {column: self.boxes.text(line.pk, column) for column in self.columns}
        share = replace(share, note=self._moves_to(share))
        return Row(line, share, texts, errors, first_of_patient)

    @property
    def counted(self) -> str:
        """ "3 patients, 6 unpaid sessions" beside the picker."""
        people = len({line.patient_id for line in self.lines.values()})
        sessions = len(self.lines)
        if not sessions:
            return ""
        patients = "1 patient" if people == 1 else f"{people} patients"
        return f"{patients}, {sessions} {'session' if sessions == 1 else 'sessions'}"

    def touched(self, listed: str) -> list[LineShare]:
        """The rows a live answer has to bring up to date, with what is wrong in their boxes."""
        shared = self.sharing.by_line
        ids = dict.fromkeys(number for text in listed.split(",") if (number := line_id(text)))
        if (
            not self.from_insurer
        ):  # another provider may have been chosen: all say anew where it goes
            ids |= dict.fromkeys(share.line.id for share in self.sharing.lines if share.paid)
        return [
            replace(
                shared[line],
                problem=self._box_error(line) or shared[line].problem,
                note=self._moves_to(shared[line]),
            )
            for line in ids
            if line in shared
        ]

    def _moves_to(self, share: LineShare) -> str:
        """Where credit goes that pays a line of another account (rule R5), in words."""
        if self.from_insurer or share.paid <= 0:
            return ""
        line = self.lines[share.line.id]
        if self._of_another(line):
            return f"credit moves to {line.patient.given_name}, {line.provider}"
        if str(line.provider_id) != self.own_provider:
            return f"credit moves to {line.provider}"
        return ""

    def _of_another(self, line: InvoiceLine) -> bool:
        return self.own_patient is not None and line.patient_id != self.own_patient.pk

    def _box_error(self, line: int) -> str:
        errors = (self.boxes.errors.get((line, column), "") for column in self.columns)
        return next(filter(None, errors), "")

    # ------------------------------------------------------------------ filling boxes

    def fill(self, what: str) -> tuple[dict[str, str], str]:
        """Fill boxes for the typist; returns box name → new text, and what to say about it."""
        verb, _, which = what.partition(":")
        line = line_id(which)
        known = {state.id: state for state in self.states}
        if verb == "oldest":
            return self._fill_oldest()
        if verb == "clear":
            return self._fill_clear()
        if verb == "amount":
            return self._fill_amount()
        if verb == "trim":
            return self._fill_trim()
        if line in known and verb == "pay":
            return self._fill_pay(known[line])
        if line in known and verb == "writeoff" and self.from_insurer:
            return self._fill_write_off(known[line])
        if line in known and verb == "same":
            return self._fill_same(line)
        return {}, ""

    def _fill_oldest(self) -> tuple[dict[str, str], str]:
        """Oldest first, whatever comes in the first turn before the second and so on."""
        turns = {line.pk: self._turn(line) for line in self.lines.values()}
        by_age = sorted(
            (state for state in self.states if turns[state.id] is not None),
            key=lambda state: (turns[state.id], self.lines[state.id].service_date, state.id),
        )
        filled = sharing.oldest_first(self.sharing.unallocated, by_age, self.entries)
        values: dict[str, str] = {}
        for line, amount in filled.items():
            values |= self._put(line, "paid", amount)
        lines = "1 line" if len(values) == 1 else f"{len(values)} lines"
        left = show_dollars(self.sharing.unallocated)
        return values, f"{lines} filled, oldest first. Unallocated {left}."

    def _turn(self, line: InvoiceLine) -> int | None:
        """When "Allocate oldest first" comes to a line; None is never.

        A patient's money: the lines of the provider chosen, then the patient's with others, then
        the family's. What waits for an insurer is not the patient's to pay yet.
        """
        if self.from_insurer:
            return 0
        if line.payer_id:
            return None
        if self._of_another(line):
            return 2
        return 0 if str(line.provider_id) == self.own_provider else 1

    def _fill_clear(self) -> tuple[dict[str, str], str]:
        values: dict[str, str] = {}
        for line, column in list(self.boxes.texts):
            values |= self._put(line, column, None)
        return values, "Amounts cleared."

    def _fill_amount(self) -> tuple[dict[str, str], str]:
        self.amount, self.amount_problem = self.sharing.allocated, ""
        self._shared = None
        return {"amount": plain(self.amount)}, f"Amount {show_dollars(self.amount)}."

    def _fill_trim(self) -> tuple[dict[str, str], str]:
        trimmed = sharing.trim_last(self.sharing)
        return (self._put(*trimmed), self.said) if trimmed else ({}, "")

    def _fill_pay(self, state: LineState) -> tuple[dict[str, str], str]:
        entry = self.entries[state.id]
        free = self.sharing.unallocated if self.amount else None
        given = sharing.pay_remaining(state, entry, free)
        values = self._put(state.id, "paid", given)
        owing = self.sharing.by_line[state.id].balance_after
        if self.amount and owing > 0:
            return values, (
                f"Only {show_dollars(given)} was left,"
                f" so {show_dollars(owing)} is still owing on this line."
            )
        return values, self.said

    def _fill_write_off(self, state: LineState) -> tuple[dict[str, str], str]:
        rest = sharing.write_off_rest(state, self.entries[state.id])
        return self._put(state.id, "write_off", rest), self.said

    def _fill_same(self, line: int) -> tuple[dict[str, str], str]:
        """Shift+D: the same amounts on every empty line below with this service and fee."""
        like = self.lines[line]
        values: dict[str, str] = {}
        filled = 0
        for below in self._below(line):
            empty = not any(self.boxes.text(below.pk, column) for column in self.columns)
            if empty and (below.code, below.amount) == (like.code, like.amount):
                filled += 1
                for column in self.columns:
                    values |= self._put(below.pk, column, self.boxes.amount(line, column))
        lines = "1 more line" if filled == 1 else f"{filled} more lines"
        return values, f"Same amounts used on {lines}."

    def _below(self, line: int) -> list[InvoiceLine]:
        ids = [state.id for state in self.states]
        return [self.lines[each] for each in ids[ids.index(line) + 1 :]]

    def next_empty(self) -> str:
        """The first box nothing is typed in, to go on with after filling many."""
        for state in self.states:
            if not any(self.boxes.text(state.id, column) for column in self.columns):
                return box_name(state.id, self.columns[0])
        return ""

    def tidy(self, boxes: Sequence[str]) -> dict[str, str]:
        """The texts these boxes should show once they are left: 80+35.50 becomes 115.50."""
        values: dict[str, str] = {}
        if "amount" in boxes and self.amount is not None and not self.amount_problem:
            values["amount"] = plain(self.amount)
        for line, column in list(self.boxes.amounts):
            if box_name(line, column) in boxes:
                values |= self._put(line, column, self.boxes.amount(line, column))
        return values

    # ------------------------------------------------------------------ saving

    def problems(self) -> list[dict[str, str]]:
        """Everything that keeps these lines from being saved, as items of the error summary."""
        items = []
        for row in self.rows:
            who = f"{row.line.patient.name} {row.line.service_date:%d %b %Y}"
            for column, text in row.errors.items():
                items.append({"href": f"#{box_name(row.id, column)}", "text": f"{who}: {text}"})
            if row.share.problem and not row.errors:
                typed = row.share.paid if row.share.column == "paid" else row.share.write_off
                items.append(
                    {
                        "href": f"#{box_name(row.id, row.share.column)}",
                        "text": f"{who}: {show(typed)} is {row.share.problem}."
                        if "more than" in row.share.problem
                        else f"{who}: {row.share.problem}.",
                    }
                )
        if self.lost:
            items.append({"href": "#grid", "text": LOST})
        shared = self.sharing
        if self.known and shared.over:
            items.append(
                {
                    "href": "#id_amount",
                    "text": f"{sharing.too_much(shared)} Lower some lines or correct Amount.",
                }
            )
        return items

    def refuse(self, line: int, text: str) -> None:
        """The ledger refused this line: show why beside its box, with the figures of now."""
        self.refused[line] = text
        self.boxes.seen[line] = ""
