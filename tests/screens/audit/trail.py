"""What the trail holds, and where it is shown."""

from __future__ import annotations

from typing import Any

from billing.models import AuditEvent

TRAIL = "/reports/audit-trail/"


def events(**wanted: Any) -> list[tuple[str, str, str]]:
    rows = AuditEvent.objects.filter(**wanted).order_by("pk").select_related("patient")
    return [(row.kind, row.patient.chart_number if row.patient else "", row.what) for row in rows]
