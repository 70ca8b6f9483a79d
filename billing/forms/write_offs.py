"""Write-offs: lines of one patient in a grid, small balances of everybody, and taking one back.

Holds no money rule of its own: figures are `sharing`'s and `balances`', and the ledger refuses.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

from django import forms
from django.utils import timezone

from billing import balances, sharing
from billing.balances import AccountBalance
from billing.forms.base import AccountingDateField, LedgerForm
from billing.forms.grid import box_name, line_id, plain
from billing.forms.line_grid import LineGrid, LineRow
from billing.models import AdjustmentKind, InvoiceLine
from billing.money import MoneyFormField, show, show_dollars
from billing.sharing import Entry, LineState
from patients.models import Patient

COLUMN = "write_off"
KINDS = (AdjustmentKind.COURTESY, AdjustmentKind.SMALL_BALANCE, AdjustmentKind.BAD_DEBT)
MOST = Decimal("100.00")  # what is larger is no small balance
FOREIGN = (
    "One of these lines is not open on this account any more. Check the others and save again."
)
TO_FIX = "Correct the marked amounts; until then this total is not known."


class WhyField(forms.CharField):
    """A reason in words, kept with every row."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=200,
            error_messages={"required": "Say why it is written off."},
            widget=forms.TextInput(attrs={"class": "fld", "autocomplete": "off"}),
            **kwargs,
        )


class WriteOffForm(LedgerForm):
    """What kind of write-off, why, and when."""

    kind = forms.ChoiceField(
        choices=[("", "Choose the kind"), *((kind.value, kind.label) for kind in KINDS)],
        error_messages={
            "required": "Choose the kind of write-off.",
            "invalid_choice": "Choose the kind of write-off.",
        },
        widget=forms.Select(attrs={"class": "form-select fld"}),
    )
    reason = WhyField()
    date = AccountingDateField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["date"].widget.attrs["class"] = "fld num"
        self.begin_in("kind")

    @property
    def answer(self) -> dict[str, Any]:
        """What was answered, as the verb takes it."""
        return {name: self.cleaned_data[name] for name in ("key", "kind", "reason", "date")}


class UndoWriteOffForm(LedgerForm):
    """A write-off was a mistake."""

    reason = forms.CharField(
        max_length=200,
        error_messages={"required": "Say why it is undone."},
        widget=forms.TextInput(attrs={"class": "fld fld-s", "autocomplete": "off"}),
    )
    date = AccountingDateField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["date"].widget.attrs["class"] = "fld fld-s"
        self.begin_in("reason")


# ---------------------------------------------------------------------------- a patient's lines


class WriteOffGrid(LineGrid):
    """What is typed on a patient's open lines, and what they would still owe."""

    column = COLUMN

    def __init__(
        self,
        *,
        patient: Patient,
        lines: Sequence[InvoiceLine],
        sent: Sequence[int],
        data: Mapping[str, str],
    ) -> None:
        super().__init__(lines, sent, data)
        self.patient = patient
        self.states: list[LineState] = balances.line_states(lines)
        self._write_off: sharing.WriteOff | None = None

    # ------------------------------------------------------------------ figures

    @property
    def entries(self) -> list[Entry]:
        """What is to be written off, as the ledger takes it; untouched lines are none."""
        boxes = self.boxes
        found = [
            Entry(line, write_off=boxes.amount(line, COLUMN), seen=boxes.seen[line])
            for line in boxes.lines
        ]
        return [entry for entry in found if not entry.empty]

    @property
    def write_off(self) -> sharing.WriteOff:
        """The figures for what is typed now; worked out once until a box is filled."""
        if self._write_off is None:
            amounts = {line: self.boxes.amount(line, COLUMN) for line in self.lines}
            self._write_off = sharing.write_off(self.states, amounts)
        return self._write_off

    @cached_property
    def now(self) -> AccountBalance:
        """All accounts of the patient together."""
        return balances.total(balances.accounts(self.patient))

    @property
    def after(self) -> AccountBalance:
        """The same once this is written off."""
        return self.now.once(owed=-self.write_off.total)

    @property
    def unallocated(self) -> dict[str, str]:
        """The block beside the strip (parts/unallocated.html)."""
        block = {"label": "To write off", "state": "todo" if self.write_off.total else "empty"}
        if not self.known:
            return {**block, "state": "stale", "figure": "-", "words": "check the amounts"}
        count = len(self.entries)
        words = "1 line" if count == 1 else f"{count} lines"
        return {**block, "figure": show_dollars(self.write_off.total), "words": words}

    @property
    def explain(self) -> dict[str, Any]:
        """The message line."""
        if not self.known:
            return {"state": "over", "lead": "", "text": TO_FIX}
        if self.write_off.problems:
            lead = next(iter(self.write_off.problems.values()))
            return {"state": "over", "lead": lead, "text": "Correct the marked amounts."}
        text = "What is written off is owed by nobody any more. It moves no money."
        return {"state": "", "lead": "", "text": text}

    @property
    def said(self) -> str:
        """What a screen reader hears once typing pauses."""
        if not self.known:
            return next(iter(self.boxes.errors.values()))
        return f"To write off {show_dollars(self.write_off.total)}."

    @cached_property
    def totals(self) -> dict[str, Decimal]:
        """The columns of the lines listed, before anything is written off."""
        listed = balances.line_totals(self.lines.values())
        return {"amount": listed.charged, "balance": listed.balance}

    # ------------------------------------------------------------------ rows

    def _row(self, line: InvoiceLine) -> LineRow:
        return LineRow(
            line=line,
            box=box_name(line.pk, COLUMN),
            text=self.boxes.text(line.pk, COLUMN),
            after=self.write_off.balances_after[line.pk],
            error=self._error(line.pk, self.write_off.problems),
        )

    # ------------------------------------------------------------------ filling boxes

    def fill(self, what: str) -> tuple[dict[str, str], str]:
        """Fill boxes for the typist; returns box name → new text, and what to say about it."""
        verb, _, which = what.partition(":")
        if verb == "everything":
            return self._fill_everything()
        if verb == "clear":
            values: dict[str, str] = {}
            for line, _column in list(self.boxes.texts):
                values |= self._put(line, None)
            return values, "Amounts cleared."
        states = {state.id: state for state in self.states}
        wanted = line_id(which) if verb == "writeoff" else None
        if wanted is None or wanted not in states:
            return {}, ""
        rest = sharing.write_off_rest(states[wanted], Entry(wanted))
        return self._put(wanted, rest), self.said

    def _fill_everything(self) -> tuple[dict[str, str], str]:
        """The rest of every line whose box is empty; never of a line that waits for an insurer."""
        values: dict[str, str] = {}
        for state in self.states:
            if self.boxes.text(state.id, COLUMN) or self.lines[state.id].payer_id:
                continue
            values |= self._put(state.id, sharing.write_off_rest(state, Entry(state.id)))
        lines = "1 line" if len(values) == 1 else f"{len(values)} lines"
        return values, f"{lines} filled. {self.said}"

    def _forget(self) -> None:
        self._write_off = None

    # ------------------------------------------------------------------ saving

    def refuse(self, line: int, text: str) -> None:
        """The ledger refused this line: show why beside its box, with the figures of now."""
        self.refused[line] = text
        self.boxes.seen[line] = ""

    def problems(self) -> list[dict[str, str]]:
        """Everything that keeps these amounts from being saved, for the error summary."""
        items = self._wrong_amounts()
        if any(entry.line not in self.lines for entry in self.entries):
            items.append({"href": "", "text": FOREIGN})
        if not items and not self.entries:
            items.append({"href": "", "text": "Enter how much to write off, on one line at least."})
        return items


# ---------------------------------------------------------------------------- small balances


class SmallBalanceFilter(forms.Form):
    """Up to how much a line may owe to be listed, and for how long it has to."""

    at_most = MoneyFormField(label="Owing at most", required=False)
    days = forms.IntegerField(
        label="Older than (days)",
        required=False,
        min_value=0,
        max_value=3650,
        error_messages={"invalid": "Enter a number of days, like 30."},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "fld num"}),
    )
    AT_MOST = Decimal("5.00")
    DAYS = 30

    def __init__(self, asked: Mapping[str, str]) -> None:
        defaults = {"at_most": plain(self.AT_MOST), "days": str(self.DAYS)}
        super().__init__({name: asked.get(name) or value for name, value in defaults.items()})
        self.fields["at_most"].widget.attrs["class"] = "fld num"

    def clean_days(self) -> int:
        days: int | None = self.cleaned_data["days"]
        if days is not None and not self.data["days"].strip().isascii():
            raise forms.ValidationError("Enter a number of days, like 30.")
        return self.DAYS if days is None else days

    def clean_at_most(self) -> Decimal:
        at_most: Decimal = self.cleaned_data["at_most"]
        if at_most <= 0:
            raise forms.ValidationError("Enter an amount above 0.00.")
        if at_most > MOST:
            raise forms.ValidationError(
                f"A small balance is {show(MOST)} at most. Write larger ones off on their account."
            )
        return at_most

    @property
    def before(self) -> datetime.date:
        return timezone.localdate() - datetime.timedelta(days=self.cleaned_data["days"])


class SmallBalanceForm(LedgerForm):
    """Why, and when. `counted` is the total that was shown when the button was pressed."""

    reason = WhyField()
    date = AccountingDateField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["date"].widget.attrs["class"] = "fld num"


class Chosen:
    """The lines that are marked on the page of small balances, as far as they are still there."""

    def __init__(self, lines: Sequence[InvoiceLine], marked: Sequence[int], data: Any) -> None:
        wanted = set(marked)
        self.lines = [line for line in lines if line.pk in wanted]
        self.ids = {line.pk for line in self.lines}
        self.lost = len(wanted) > len(self.lines)
        self.entries = [
            Entry(line.pk, write_off=line.balance, seen=data.get(f"line-{line.pk}-seen", line.seen))
            for line in self.lines
        ]
        self.total = balances.line_totals(self.lines).balance

    @property
    def counted(self) -> str:
        """ "12 lines, $38.50": what the page shows, and sends back when it is saved."""
        count = len(self.lines)
        return f"{count} {'line' if count == 1 else 'lines'}, {show_dollars(self.total)}"
