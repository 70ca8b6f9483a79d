"""Audit trail: who looked, signed in, printed, exported, changed and moved money."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import CharField, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat, NullIf, Trim
from django.utils.text import capfirst

from billing.forms.period import REPORT_PERIODS
from billing.forms.reports import PeriodReportForm, chart_number_field, choice_field, user_field
from billing.models import (
    KEPT,
    Adjustment,
    AdjustmentKind,
    Allocation,
    AuditEvent,
    Document,
    DocumentKind,
    EventKind,
    Export,
    Invoice,
    Kind,
    LineVoid,
    Payment,
    history_of,
)
from billing.money import ZERO, MoneyField
from billing.reports.base import PatientReport
from billing.reports.columns import Column, Holds, code, hidden, moment, text
from billing.reports.expressions import NO_TEXT, during, in_order, in_words, text_of, user_name
from billing.reports.links import to_account
from billing.reports.rows import Order, Rows, SqlRows, Values
from patients.models import Patient

LOOKS = (EventKind.LOOKED, EventKind.PRINTED)
RIGHTS = (
    EventKind.REFUSED,
    EventKind.RIGHTS,
    EventKind.PASSWORD,
    EventKind.LINK,
    EventKind.FACTOR_ADDED,
    EventKind.FACTOR_REMOVED,
)
SIGNING = (
    EventKind.SIGNED_IN,
    EventKind.SIGNED_OUT,
    EventKind.ENDED,
    EventKind.FAILED,
    EventKind.LOCKED_OUT,
    EventKind.UNLOCKED,
)
WHAT = [
    ("looks", "Looks and prints"),
    ("exports", "Exports and documents"),
    ("changes", "Changes to master data"),
    ("money", "Money"),
    ("signing", "Signing in and out"),
    ("rights", "Roles, passwords, refusals"),
    ("checks", "Checks of the books"),
]
EVENTS = {
    "looks": LOOKS,
    "signing": SIGNING,
    "rights": RIGHTS,
    "checks": (EventKind.CHECKED,),
}
NO_AMOUNT = Cast(Value(None), MoneyField())  # PostgreSQL takes a bare NULL for a text
HISTORY = {history_of(model)._meta.db_table: model for model in KEPT}
DID = [("+", "Added"), ("~", "Changed"), ("-", "Deleted")]


class AuditTrailForm(PeriodReportForm):
    offered = (*REPORT_PERIODS, "everything")

    patient = chart_number_field()
    user = user_field()
    kind = choice_field("What", "kinds", WHAT)


class AuditTrail(PatientReport):
    """One row for each thing somebody did, by the moment it was done.

    What was exported, issued, changed or posted comes from the rows that say so themselves; money is
    told of a patient, or where it is asked for.
    """

    slug = "audit-trail"
    title = "Audit trail"
    about = "Who looked at whom, signed in, printed, exported, changed or posted what, and when."
    noun = "entry"
    nouns = "entries"
    permission = "billing.view_auditevent"
    form = AuditTrailForm
    columns = (
        moment("moment", "When"),
        text("user", "User"),
        text("kind", "What"),
        code("chart", "Patient", link=to_account("chart")),
        text("details", "Details"),
        Column("amount", "Amount", Holds.MONEY),
        text("address", "From", fold=True),
        hidden("source", Holds.TEXT),
        hidden("row"),
    )
    order = ("-moment", "-row", "source")
    empty = ("Nothing was done in this period", "Choose a longer one, or reset the filters.")

    @property
    def when(self) -> str:
        whose = f"{self.patient.chart_number}: " if self.patient else ""
        return f"{whose}{super().when}"

    def find(self) -> Rows:
        first, *others = self._parts()
        found = first.union(*others, all=True) if others else first
        return TrailRows(self.columns, found)

    def _parts(self) -> list[QuerySet[Any, Any]]:
        kind = self.asked.get("kind")
        parts: list[QuerySet[Any, Any]] = []
        if not kind or kind in EVENTS:
            parts.append(self._events(EVENTS.get(kind or "")))
        if not kind or kind == "exports":
            parts += [self._exports(), self._documents()]
        if not kind or kind == "changes":
            parts += [self._changes(model) for model in self._changed_models]
        if kind == "money" or (self.patient and not kind):
            parts += self._money()
        return parts

    # ------------------------------------------------------------------ each kind of row

    def _asked_of(
        self, rows: QuerySet[Any], *, at: str = "created_at", by: str = "created_by"
    ) -> QuerySet[Any]:
        """Those of the period, and of the person who was asked for."""
        found = rows.filter(during(at, self.first, self.last))
        if self.asked.get("user"):
            found = found.filter(**{by: self.asked["user"]})
        return found

    def _told(self, rows: QuerySet[Any], **told: Any) -> QuerySet[Any, Any]:
        table = Value(rows.model._meta.db_table, output_field=CharField())
        usual = {"amount": NO_AMOUNT, "source": table, "row": F("pk")}
        return in_order(self.columns, rows, {**usual, **told})

    def _events(self, kinds: Sequence[str] | None) -> QuerySet[Any, Any]:
        rows = self._asked_of(AuditEvent.objects.all(), at="at", by="user")
        if kinds:
            rows = rows.filter(kind__in=kinds)
        if self.patient:
            rows = rows.filter(patient=self.patient)
        full = Trim(Concat(F("user__first_name"), Value(" "), F("user__last_name")))
        return self._told(
            rows,
            moment=F("at"),
            user=Coalesce(NullIf(full, NO_TEXT), F("username"), output_field=CharField()),
            kind=in_words("kind", EventKind.choices),
            chart=text_of("patient__chart_number"),
            details=F("what"),
            address=F("address"),
        )

    def _exports(self) -> QuerySet[Any, Any]:
        rows = self._asked_of(Export.objects.all())
        if self.patient:
            asked = f"patient={self.patient.chart_number}"
            rows = rows.filter(Q(filters__endswith=asked) | Q(filters__contains=f"{asked}&"))
        told = Concat(F("report"), Value("."), F("format"), Value(" "), F("filters"))
        return self._told(
            rows,
            moment=F("created_at"),
            user=user_name(),
            kind=_words("Exported"),
            details=Trim(told, output_field=CharField()),
        )

    def _documents(self) -> QuerySet[Any, Any]:
        rows = self._asked_of(Document.objects.all())
        if self.patient:
            rows = rows.filter(patient=self.patient)
        return self._told(
            rows,
            moment=F("created_at"),
            user=user_name(),
            kind=_words("Issued"),
            chart=text_of("patient__chart_number"),
            details=Concat(in_words("kind", DocumentKind.choices), Value(" "), F("number")),
        )

    @property
    def _changed_models(self) -> Sequence[Any]:
        own = [each for each in KEPT if each is Patient or _names_patient(each)]
        return own if self.patient else KEPT

    def _changes(self, model: Any) -> QuerySet[Any, Any]:
        history = history_of(model)
        rows = self._asked_of(history._default_manager.all(), at="history_date", by="history_user")
        chart: Any = F("chart_number") if model is Patient else NO_TEXT
        if _names_patient(model):
            chart = Subquery(
                Patient.objects.filter(pk=OuterRef("patient_id")).values("chart_number")[:1]
            )
        if self.patient:
            field = "id" if model is Patient else "patient_id"
            rows = rows.filter(**{field: self.patient.pk})
        return self._told(
            rows,
            moment=F("history_date"),
            user=user_name("history_user"),
            kind=in_words("history_type", DID),
            chart=chart,
            details=_words(str(model._meta.verbose_name)),
        )

    def _money(self) -> list[QuerySet[Any, Any]]:
        """The rows of money, by their own columns: who, when, what, how much."""
        return [
            self._posted(
                Payment.objects.all(),
                in_words("kind", Kind.choices),
                "patient",
                # What undoes, refunds or moves money has no number of its own.
                Concat(
                    Coalesce(F("number"), F("source__number"), F("original__number"), NO_TEXT),
                    Value(" "),
                    F("reason"),
                    output_field=CharField(),
                ),
            ),
            self._posted(
                Allocation.objects.all(),
                _words("Allocation"),
                "line__patient",
                Concat(F("payment__number"), Value(" on "), F("line__invoice__number")),
            ),
            self._posted(
                Adjustment.objects.all(),
                in_words("kind", AdjustmentKind.choices),
                "line__patient",
                Concat(F("line__invoice__number"), Value(" "), F("reason")),
            ),
            self._posted(
                LineVoid.objects.all(),
                _words("Line voided"),
                "line__patient",
                Concat(F("line__invoice__number"), Value(" "), F("reason")),
                amount=F("line__amount"),
            ),
            self._posted(
                Invoice.objects.filter(issued_on__isnull=False),
                _words("Invoice issued"),
                "patient",
                F("number"),
                at="issued_at",
                amount=NO_AMOUNT,
            ),
        ]

    def _posted(
        self,
        rows: QuerySet[Any],
        kind: Any,
        patient: str,
        details: Any,
        *,
        at: str = "created_at",
        amount: Any = None,
    ) -> QuerySet[Any, Any]:
        found = self._asked_of(rows, at=at)
        if self.patient:
            found = found.filter(**{patient: self.patient})
        return self._told(
            found,
            moment=F(at),
            user=user_name(),
            kind=kind,
            chart=text_of(f"{patient}__chart_number"),
            details=details,
            amount=amount or F("amount"),
        )


class TrailRows(SqlRows):
    """Rows of the trail; those that changed master data say from what to what."""

    as_found = False

    def page(self, order: Order, start: int, size: int) -> list[Values]:
        return self._with_changes(super().page(order, start, size))

    def stream(self, order: Order) -> Iterator[Values]:
        some: list[Values] = []
        for row in super().stream(order):
            some.append(row)
            if len(some) == AT_ONCE:
                yield from self._with_changes(some)
                some = []
        yield from self._with_changes(some)

    def _with_changes(self, rows: list[Values]) -> list[Values]:
        names = [column.name for column in self.columns]
        source, key, details = (names.index(each) for each in ("source", "row", "details"))
        wanted: dict[str, list[int]] = {}
        for row in rows:
            if row[source] in HISTORY:
                wanted.setdefault(row[source], []).append(row[key])
        told = {table: _changes_told(HISTORY[table], ids) for table, ids in wanted.items()}
        return [
            (*row[:details], told[row[source]].get(row[key], row[details]), *row[details + 1 :])
            if row[source] in told
            else row
            for row in rows
        ]


AT_ONCE = 500


def _changes_told(model: Any, ids: Sequence[int]) -> dict[int, str]:
    """Of rows of a history: what each changed, in words. Two queries, however many."""
    history: Any = history_of(model)
    key = model._meta.pk.attname
    earlier = history.objects.filter(**{key: OuterRef(key)}, history_id__lt=OuterRef("history_id"))
    before = Subquery(earlier.order_by("-history_id").values("history_id")[:1])
    rows = list(history.objects.filter(history_id__in=ids).annotate(before=before))
    olds = history.objects.in_bulk([row.before for row in rows if row.before])
    called = _called(model, [*rows, *olds.values()])
    return {row.history_id: _change(model, row, olds.get(row.before), called) for row in rows}


def _called(model: Any, rows: Sequence[Any]) -> dict[str, dict[Any, str]]:
    """Column -> key -> what that is called, of columns that name other rows: patients by their charts."""
    found = {}
    for field in history_of(model).tracked_fields:  # type: ignore[attr-defined]
        if not field.is_relation:
            continue
        keys = {getattr(row, field.attname) for row in rows} - {None}
        key = field.target_field.attname
        others = field.related_model._default_manager.filter(**{f"{key}__in": keys}) if keys else ()
        found[field.attname] = {
            getattr(other, key): other.chart_number if isinstance(other, Patient) else str(other)
            for other in others
        }
    return found


def _change(model: Any, row: Any, old: Any, called: dict[str, dict[Any, str]]) -> str:
    named = getattr(row, "name", "") or getattr(row, "code", "") or ""
    whose = capfirst(f"{model._meta.verbose_name} {named}".strip()) if model is not Patient else ""
    if row.history_change_reason:
        return ": ".join(filter(None, [whose, row.history_change_reason]))
    parts = []
    for field in history_of(model).tracked_fields:  # type: ignore[attr-defined]
        names = called.get(field.attname, {})
        was, now = (
            names.get(value) or _shown(value)
            for value in (getattr(old, field.attname, None), getattr(row, field.attname))
        )
        if row.history_type == "~" and was != now:
            parts.append(f"{field.verbose_name}: {was or 'nothing'} → {now or 'nothing'}")
    said = "; ".join(parts)
    return ": ".join(filter(None, [whose, said])) or capfirst(model._meta.verbose_name)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if isinstance(value, type(ZERO)) else str(value)


def _names_patient(model: Any) -> bool:
    return any(field.name == "patient" for field in model._meta.concrete_fields)


def _words(words: str) -> Value:
    return Value(words, output_field=CharField())
