"""The lines of a payment on the screen: what is typed on them, and what follows from it.

Holds no money rule of its own: every figure is `sharing`'s, here only put into the words and
shapes the templates print. Serves New insurance payment, an insurance payment reopened, and Take
payment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from billing import balances, sharing
from billing.balances import PaidBy
from billing.forms import payment_fills
from billing.forms.grid import ROW, Boxes, box_name, line_of, one_by_one, plain
from billing.forms.line_details import KINDS, LABELS, NOTHING, OFFERED, SHOWN, Details, details_on
from billing.forms.offsets import OffsetBoxes
from billing.models import InvoiceLine, Outcome
from billing.money import ZERO, show, show_dollars
from billing.sharing import NEXT, STAYS, Entry, LineShare, LineState, Sharing
from patients.models import Patient, Payer

TO_FIX = "Correct the marked amounts; until then this total is not known."
LOST = "A line that was on this page is not there any more. Check the others and save again."
CHANGED = "Changed since this draft was saved. The figures are those of now."
NO_ANSWER = (
    "0.00 is not kept as an answer. If the insurer paid nothing, choose the outcome in Details."
)
MOST_ROWS_OF_A_LINE = 9


@dataclass(frozen=True)
class Outputs:
    """What of a row changes while somebody types: its share, and the words that go with it.

    `then` says who is asked for the rest; `released` whose own money goes back to their credit.
    """

    key: str
    share: LineShare
    problem: str = ""
    then: str = ""
    released: Sequence[PaidBy] = ()
    note: str = ""
    details: Details = field(default_factory=Details)


@dataclass(frozen=True)
class Row(Outputs):
    """One line as the template prints it."""

    line: InvoiceLine = field(kw_only=True)
    texts: dict[str, str] = field(kw_only=True)
    errors: dict[str, str] = field(kw_only=True)
    first_of_patient: bool = field(kw_only=True)
    next_name: str = field(kw_only=True)

    @property
    def again(self) -> bool:
        """Whether this is a further row of a line."""
        return "_" in self.key

    @property
    def called(self) -> str:
        """The row in the names of its boxes: patient and date."""
        again = ", correction" if self.again else ""
        return f"{self.line.patient.name} {self.line.service_date:%d %b %Y}{again}"

    @property
    def kinds(self) -> list[tuple[str, str, str, str]]:
        """Deductible, coinsurance …: name, label, text and error of their boxes."""
        return [
            (kind, label, self.details.texts.get(kind, ""), self.details.errors.get(kind, ""))
            for kind, label in KINDS.items()
        ]

    @property
    def outcomes(self) -> list[tuple[str, str, bool]]:
        """The choices of Outcome; another one only where the row has it already."""
        chosen = self.details.texts.get("outcome", "")
        return [
            ("", "By the amounts", not chosen),
            *(
                (each.value, str(each.label), each.value == chosen)
                for each in Outcome
                if each in OFFERED or each.value == chosen
            ),
        ]


class PaymentGrid:
    """What is typed on the lines of one payment, and the figures that follow.

    Of a saved payment, `already` is what it gave to lines before this screen was opened, and `kept`
    what its payer kept beside them then (its offsets, as `offsets` are of what is typed now).
    """

    def __init__(
        self,
        *,
        lines: Sequence[int] | Sequence[str],
        data: Mapping[str, str],
        amount: Decimal | None,
        from_insurer: bool,
        payer: Payer | None = None,
        already: Decimal = ZERO,
        kept: Decimal = ZERO,
        amount_problem: str = "",
        own_provider: object = None,
        own_patient: Patient | None = None,
        offsets: Sequence[str] = (),
        saved: bool = False,
        drawn_from_draft: bool = False,
        may_be_over: bool = False,
    ) -> None:
        self.from_insurer = from_insurer
        self.payer = payer
        self.amount = amount
        self.already = already
        self.kept = kept
        self.amount_problem = amount_problem
        self.own_provider = str(own_provider or "")
        self.own_patient = own_patient
        self.columns = ("write_off", "paid") if from_insurer else ("paid",)
        self.saved = saved
        self.drawn_from_draft = drawn_from_draft
        self.may_be_over = may_be_over
        rows = {str(row): line_of(str(row)) for row in lines}
        ids = list(dict.fromkeys(rows.values()))
        found = {state.id: state for state in balances.line_states_by_id(ids, payer)}
        self.states: list[LineState] = [
            found[line] if found[line].row == row else replace(found[line], row=row)
            for row, line in rows.items()
            if line in found
        ]
        self.lost = len(rows) > len(self.states)
        keys = [state.row for state in self.states]
        sent = one_by_one(data)
        self.boxes: Boxes[str] = Boxes(self.columns, keys, sent)
        self.details = details_on(sent, keys) if from_insurer else {}
        self.offsets = OffsetBoxes(offsets, sent, payer.name if payer else "")
        self.refused: dict[int, str] = {}
        self._next: dict[int, str] = {}  # for rows whose details are open
        self._entries: dict[str, Entry] | None = None
        self._shared: Sharing | None = None

    # ------------------------------------------------------------------ figures

    @property
    def entries(self) -> dict[str, Entry]:
        """Row → what is typed on it, as the ledger takes it; worked out once until a box is filled."""
        if self._entries is None:
            self._entries = {state.row: self._entry(state) for state in self.states}
        return self._entries

    def _entry(self, state: LineState) -> Entry:
        key, boxes = state.row, self.boxes
        paid = boxes.amount(key, "paid")
        write_off = boxes.amount(key, "write_off")
        said = self.details.get(key)
        if said is None:
            return Entry(state.id, paid, write_off, boxes.seen[key])
        entry = Entry(
            state.id,
            paid,
            write_off,
            boxes.seen[key],
            carc=said.carc if write_off else "",
            owes=said.owes,
            outcome=said.outcome,
            codes=said.codes,
            rest=said.rest,
        )
        # Reason codes alone, or whose the rest is, are an answer too.
        if entry.empty and (entry.codes or entry.rest):
            return replace(entry, outcome=sharing.outcome_of(entry))
        return entry

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
                offset=self.kept + self.offsets.total,
            )
        return self._shared

    def _forget(self) -> None:
        self._entries, self._shared = None, None

    @property
    def nothing_typed(self) -> bool:
        return not self.offsets.entries and all(entry.empty for entry in self.entries.values())

    @property
    def known(self) -> bool:
        """False while something typed is no amount: then no total may look right."""
        return not self.boxes.errors and not self.amount_problem and self.offsets.known

    @property
    def unallocated(self) -> dict[str, Any]:
        """The block beside Amount and its echo in the footer."""
        shared = self.sharing
        block = {
            "label": "Unallocated",
            "state": "done" if self.nothing_left else shared.state,
            "figure": show_dollars(shared.unallocated),
            "words": "nothing left" if self.nothing_left else sharing.words(shared),
            "allocated": show_dollars(shared.given),
            "amount": show_dollars(shared.to_share),
            "percent": shared.percent,
        }
        if not self.known:
            block.update(state="stale", figure="-", words="check the amounts")
        return block

    @property
    def nothing_left(self) -> bool:
        """Whether a saved payment has nothing to give: all paid back, or it never had anything."""
        return self.saved and self.sharing.state == "empty"

    @property
    def _next_step(self) -> str:
        wrong = any(share.problem for share in self.sharing.lines)
        if wrong or any(said.errors for said in self.details.values()):
            return "Look at the marked lines before you save."
        return "Ready to save."

    @property
    def explain(self) -> dict[str, Any]:
        """The message line: what the total means, with the buttons that mend it."""
        shared = self.sharing
        if not self.known:
            return {"state": "over", "lead": self.amount_problem, "text": TO_FIX}
        if self.nothing_left:
            return {"state": "done", "lead": "", "text": "Nothing of it is left to allocate."}
        left = show_dollars(shared.unallocated)
        texts = {
            "empty": "Type the total from the check or EFT."
            " Then share it out over the sessions it paid for.",
            "todo": "Enter what the insurer paid on each line."
            f" You can also save now: {left} then waits in the Today list.",
            "done": f"Every cent of {show_dollars(shared.to_share)} is allocated."
            + (f" {self._next_step}" if shared.allocated or self.offsets.entries else ""),
            "over": f"The lines add up to {show_dollars(shared.given)}"
            f" but {_covered_by(shared)} {show_dollars(shared.to_share)}.",
        }
        if self.saved and not shared.allocated:
            texts["todo"] = (
                f"{left} of it waits in the Today list. Add a patient's sessions to allocate it."
            )
        if shared.takes_back:
            texts["todo"] = (
                "Enter what the payer took back as minus amounts on its sessions, or as a"
                " provider-level adjustment."
            )
        if not self.from_insurer:
            texts["empty"] = (
                "Type what the patient pays. Then share it out over the lines it is for."
            )
            texts["todo"] = (
                "Enter what is paid on each line."
                f" You can also save now: {left} then stays as the patient's credit."
            )
        explain: dict[str, Any] = {"state": shared.state, "lead": "", "text": texts[shared.state]}
        if shared.state == "over":
            explain["lead"] = sharing.too_much(shared)
            explain["buttons"] = self._fixes(shared)
        return explain

    def _fixes(self, shared: Sharing) -> list[dict[str, str]]:
        fixes = []
        if not self.saved:
            wanted = show_dollars(shared.allocated - shared.offset)
            fixes.append({"label": f"Change Amount to {wanted}", "value": "amount"})
        if any(share.paid > 0 for share in shared.lines):
            off = show_dollars(shared.over)
            fixes.append({"label": f"Take {off} off the last line", "value": "trim"})
        return fixes

    @property
    def said(self) -> str:
        """What a screen reader hears once typing pauses."""
        if not self.known:
            return self.amount_problem or next(iter(self.boxes.errors.values()), TO_FIX)
        shared = self.sharing
        if shared.over:
            return f"Over-allocated by {show_dollars(shared.over)}."
        return f"Unallocated {show_dollars(shared.unallocated)}, {sharing.words(shared)}."

    @property
    def overdrawn(self) -> bool:
        """Whether more is given out than was received, takebacks still to enter aside."""
        return self.sharing.state == "over"

    @property
    def sessions(self) -> int:
        """How many lines there are, however many rows they take."""
        return len({state.id for state in self.states})

    @property
    def totals(self) -> dict[str, Decimal]:
        return self.sharing.totals

    # ------------------------------------------------------------------ rows

    @cached_property
    def lines(self) -> dict[int, InvoiceLine]:
        ids = {state.id for state in self.states}
        return InvoiceLine.objects.with_names().select_related("payer").in_bulk(ids)

    @property
    def rows(self) -> list[Row]:
        rows: list[Row] = []
        before: Patient | None = None
        opened = {line_of(row) for row, said in self.details.items() if said.open}
        self._next = balances.next_payers(opened, self.payer) if opened else {}
        for outputs in self._outputs(self.sharing.lines):
            line = self.lines[outputs.share.line.id]
            rows.append(self._row(outputs, line, first_of_patient=line.patient != before))
            before = line.patient
        return rows

    def rows_of(self, keys: Iterable[str]) -> list[Row]:
        """Some of the rows, where only they are printed."""
        wanted = set(keys)
        return [row for row in self.rows if row.key in wanted]

    def _row(self, outputs: Outputs, line: InvoiceLine, *, first_of_patient: bool) -> Row:
        key = outputs.key
        errors = {
            column: self.boxes.errors[key, column]
            for column in self.columns
            if (key, column) in self.boxes.errors
        }
        if line.pk in self.refused:
            errors.setdefault("paid", self.refused[line.pk])
        note = outputs.note
        seen = self.boxes.seen[key]
        if self.drawn_from_draft and seen and seen != line.seen:
            note = f"{note} {CHANGED}".strip()
        return Row(
            key=key,
            share=outputs.share,
            problem=next(iter(errors.values()), "") or outputs.problem,
            then=outputs.then,
            released=outputs.released,
            note=note,
            line=line,
            texts={column: self.boxes.text(key, column) for column in self.columns},
            errors=errors,
            details=self.details.get(key, NOTHING),
            first_of_patient=first_of_patient,
            next_name=self._next.get(line.pk, "the patient"),
        )

    def _outputs(self, shares: Sequence[LineShare]) -> list[Outputs]:
        """The shares with their words; at most one read each for who is next and whose money."""
        if not self.from_insurer:
            return [
                Outputs(share.line.row, share, self._problem(share), note=self._moves_to(share))
                for share in shares
            ]
        goes_back = self._goes_back(shares)
        then = self._then(shares)
        return [
            Outputs(
                key := share.line.row,
                share,
                self._problem(share),
                then.get(key, ""),
                goes_back.get(key, ()),
                self._note(share),
                self.details.get(key, NOTHING),
            )
            for share in shares
        ]

    def _problem(self, share: LineShare) -> str:
        return self._box_error(share.line.row) or share.problem

    def _note(self, share: LineShare) -> str:
        """What somebody noted on the row; else that a typed 0.00 is not an answer yet."""
        row = share.line.row
        if note := self.details.get(row, NOTHING).note:
            return note
        typed = (row, "paid") in self.boxes.amounts and self.boxes.is_typed(row, "paid")
        return NO_ANSWER if typed and self.entries[row].empty else ""

    def _moves_to(self, share: LineShare) -> str:
        """Where credit goes that pays a line of another account (rule R5), in words."""
        if share.paid <= 0:
            return ""
        line = self.lines[share.line.id]
        if self.of_another(line):
            return f"credit moves to {line.patient.given_name}, {line.provider}"
        if str(line.provider_id) != self.own_provider:
            return f"credit moves to {line.provider}"
        return ""

    def of_another(self, line: InvoiceLine) -> bool:
        """Whether a line is somebody else's of the family than the patient's who pays."""
        return self.own_patient is not None and line.patient_id != self.own_patient.pk

    def _goes_back(self, shares: Sequence[LineShare]) -> dict[str, Sequence[PaidBy]]:
        """Row → the patients' payments that insurer money sets free there."""
        freeing = [share for share in shares if share.released]
        if not freeing:
            return {}
        found = balances.goes_back((share.line.id, share.released) for share in freeing)
        return {share.line.row: links for share, links in zip(freeing, found, strict=True)}

    def _then(self, shares: Sequence[LineShare]) -> dict[str, str]:
        """Row → who is asked for what this payment leaves open; the ledger decides the same."""
        left = [
            share
            for share in shares
            if share.balance_after > 0 and not self.entries[share.line.row].empty
        ]
        whose = {share.line.row: sharing.rest_of(self.entries[share.line.row]) for share in left}
        after: dict[int, str] = {}
        if NEXT in whose.values():
            ids = {share.line.id for share in left if whose[share.line.row] == NEXT}
            after = balances.next_payers(ids, self.payer)
        return {
            row: self._asked(self.entries[row], whose[row], after.get(line_of(row), ""))
            for row in whose
        }

    def _asked(self, entry: Entry, whose: str, after: str) -> str:
        if whose == STAYS:
            outcome = sharing.outcome_of(entry)
            if outcome == Outcome.PAID or entry.rest:
                return f"stays with {self.payer.name if self.payer else 'the payer'}"
            return f"stays: {Outcome(outcome).label.lower()}"
        return f"then {after}" if whose == NEXT and after else "then patient"

    @property
    def counted(self) -> str:
        """ "3 patients, 6 unpaid sessions" beside the picker."""
        people = len({line.patient_id for line in self.lines.values()})
        sessions = len(self.lines)
        if not sessions:
            return ""
        patients = "1 patient" if people == 1 else f"{people} patients"
        return f"{patients}, {sessions} {'session' if sessions == 1 else 'sessions'}"

    def touched(self, listed: str) -> list[Outputs]:
        """The rows a live answer has to bring up to date, with what is wrong in their boxes.

        A line's further rows come along with its first: they stand on what that one leaves. On
        Take payment all that is paid comes along: with another provider chosen, credit goes
        elsewhere.
        """
        named = {line_of(row) for row in listed.split(",") if ROW.fullmatch(row)}
        if not self.from_insurer:
            named |= {share.line.id for share in self.sharing.lines if share.paid}
        return self._outputs([each for each in self.sharing.lines if each.line.id in named])

    def wrong_boxes(self, outputs: Iterable[Outputs]) -> dict[str, bool]:
        """Box name → whether it is marked as wrong, for Amount and the boxes of these rows."""
        marks = {"amount": bool(self.amount_problem)}
        for each in outputs:
            for column in self.columns:
                wrong = (each.key, column) in self.boxes.errors
                by_sum = bool(each.share.problem) and each.share.column == column
                marks[box_name(each.key, column)] = wrong or by_sum
            if each.details.open:
                marks |= {box_name(each.key, name): name in each.details.errors for name in SHOWN}
        return marks

    def _box_error(self, row: str) -> str:
        if self.boxes.errors:
            for column in self.columns:
                if problem := self.boxes.errors.get((row, column)):
                    return problem
        said = self.details.get(row)
        return said.wrong if said and not said.open else ""

    # ------------------------------------------------------------------ filling boxes

    def fill(self, what: str) -> payment_fills.Filled:
        """Fill boxes for the typist; returns box name → new text, and what to say about it."""
        return payment_fills.fill(self, what)

    def focus_after(self, fill: str, values: Mapping[str, str]) -> str:
        """The box to go on with, where a fill takes its button away or fills many."""
        return payment_fills.focus_after(self, fill, values)

    def put(self, row: str, column: str, amount: Decimal | None) -> dict[str, str]:
        """Fill a box; nothing in it where there is nothing to put."""
        self._forget()
        return {box_name(row, column): self.boxes.fill(row, column, amount or None)}

    def take_amount(self, amount: Decimal) -> None:
        """Go on as if this had been typed into Amount."""
        self.amount, self.amount_problem = amount, ""
        self._forget()

    def tidy(self, boxes: Sequence[str]) -> dict[str, str]:
        """The texts these boxes should show once they are left: 80+35.50 becomes 115.50."""
        values: dict[str, str] = {}
        if "amount" in boxes and self.amount is not None and not self.amount_problem:
            values["amount"] = plain(self.amount)
        for row, column in list(self.boxes.amounts):
            if box_name(row, column) in boxes:
                typed = self.boxes.is_typed(row, column)
                amount = self.boxes.amount(row, column) if typed else None
                values[box_name(row, column)] = self.boxes.fill(row, column, amount)
        self._forget()
        for row, said in self.details.items():
            for kind, amount in said.amounts.items():
                if box_name(row, kind) in boxes:
                    values[box_name(row, kind)] = (
                        plain(amount) if said.texts.get(kind, "").strip() else ""
                    )
        return values | self.offsets.tidy(boxes)

    # ------------------------------------------------------------------ rows that open and come

    def open_details(self, row: str) -> bool:
        """Draw a row's details open; whether there is such a row."""
        if not self.from_insurer or row not in self.entries:
            return False
        self.details[row] = replace(self.details.get(row, NOTHING), open=True)
        return True

    def room_for_another(self, row: str) -> str:
        """The name of a further row for this row's line; "" where there is no such line, or room."""
        taken = {state.row for state in self.states}
        if not self.from_insurer or row not in taken:
            return ""
        names = (f"{line_of(row)}_{turn}" for turn in range(2, MOST_ROWS_OF_A_LINE + 1))
        return next((name for name in names if name not in taken), "")

    def with_another(self, row: str, new: str) -> list[str]:
        """The rows in their order with the new one under the last of the same line."""
        rows = [state.row for state in self.states]
        last = max(at for at, each in enumerate(rows) if line_of(each) == line_of(row))
        return [*rows[: last + 1], new, *rows[last + 1 :]]

    # ------------------------------------------------------------------ saving

    def problems(self) -> list[dict[str, str]]:
        """Everything that keeps these lines from being saved, as items of the error summary."""
        items = []
        for row in self.rows:
            who = row.called
            for column, text in row.errors.items():
                items.append({"href": f"#{box_name(row.key, column)}", "text": f"{who}: {text}"})
            for name, text in row.details.errors.items():
                box = box_name(row.key, name if row.details.open and name in SHOWN else "paid")
                items.append({"href": f"#{box}", "text": f"{who}, {LABELS[name]}: {text}"})
            if row.share.problem and not row.errors:
                typed = row.share.paid if row.share.column == "paid" else row.share.write_off
                items.append(
                    {
                        "href": f"#{box_name(row.key, row.share.column)}",
                        "text": f"{who}: {show(typed)} is {row.share.problem}."
                        if "more than" in row.share.problem
                        else f"{who}: {row.share.problem}.",
                    }
                )
        if self.lost:
            items.append({"href": "#grid", "text": LOST})
        items += self.offsets.problems
        if self.is_over and not self.may_be_over:
            what = sharing.too_much(self.sharing)
            fix = "Lower some lines or correct Amount."
            if self.sharing.takes_back:
                fix = "Enter it as minus amounts on its sessions."
            items.append({"href": "#id_amount", "text": f"{what} {fix}"})
        return items

    @property
    def is_over(self) -> bool:
        """Whether more is given out than was received, as far as everything is understood."""
        return self.known and bool(self.sharing.over)

    def refuse(self, line: int, text: str) -> None:
        """The ledger refused this line: show why beside its box, with the figures of now."""
        self.refused[line] = text
        for state in self.states:
            if state.id == line:
                self.boxes.seen[state.row] = ""


def _covered_by(shared: Sharing) -> str:
    return "the payment and its adjustments to" if shared.offset else "the payment is"
