"""Figures for Prometheus (docs/monitoring.md lists them).

Imported only where METRICS_TOKEN is set: prometheus-client decides when it is imported where it keeps
its figures, and each worker of gunicorn keeps its own in files of one folder, which are added up for
whoever asks (`config/gunicorn.py` makes the folder). What is true of the clinic rather than of a
process is read from the database when it is asked for.

Labels are urls' names, methods and classes of status: nothing of a patient, and never many.
"""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core.cache import caches
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Count, Sum
from django.utils import timezone
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from billing.audit.recording import unsealed_events
from billing.chain.links import head
from billing.models import AuditEvent, EventKind, Payment
from config.tracing import KNOWN

if TYPE_CHECKING:
    from config.tracing import Trace

KEPT_FOR = 15  # seconds: several Prometheus servers, and somebody's finger on F5, ask once

OF_PROCESS = CollectorRegistry()

REQUESTS = Histogram(
    "remit_request_seconds",
    "How long answers took, by url name, method and class of status",
    ["view", "method", "status"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=OF_PROCESS,
)
QUERIES = Counter("remit_queries", "Statements asked, by url name", ["view"], registry=OF_PROCESS)
QUERY_SECONDS = Counter(
    "remit_query_seconds", "Time in the database, by url name", ["view"], registry=OF_PROCESS
)
DATABASE_ERRORS = Counter(
    "remit_database_errors", "Statements that failed, by class", ["kind"], registry=OF_PROCESS
)
POOL = {
    key: Gauge(name, says, registry=OF_PROCESS, multiprocess_mode="livesum")
    for key, name, says in (
        ("pool_size", "remit_pool_connections", "Open connections to PostgreSQL"),
        ("pool_available", "remit_pool_idle", "Those nobody uses just now"),
        ("requests_waiting", "remit_pool_waiting", "Requests that wait for a connection"),
        ("requests_wait_ms", "remit_pool_waited_milliseconds", "Time they waited, since the start"),
        ("requests_errors", "remit_pool_refused", "Requests that got none, since the start"),
    )
}


def count(trace: Trace, *, view: str, method: str, status: int, took: float) -> None:
    """One request more."""
    view = "admin" if view.startswith("admin:") else view or "none"
    method = method if method in KNOWN else "other"
    REQUESTS.labels(view, method, f"{status // 100}xx").observe(took)
    if trace.queries:
        QUERIES.labels(view).inc(trace.queries)
        QUERY_SECONDS.labels(view).inc(trace.query_seconds)
    for kind in trace.errors:
        DATABASE_ERRORS.labels(kind).inc()
    pool = getattr(connection, "pool", None)
    if pool is not None:
        found = pool.get_stats()
        for key, gauge in POOL.items():
            gauge.set(found.get(key, 0))


def exposed() -> bytes:
    """All figures, in Prometheus' text format."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.MultiProcessCollector(registry)
    else:
        registry.register(_Own())
    registry.register(_Books())
    return generate_latest(registry)


class _Own(Collector):
    """This process alone: runserver, tests."""

    def collect(self) -> Iterator[Metric]:
        yield from OF_PROCESS.collect()


class _Books(Collector):
    """What the database says of the clinic."""

    def collect(self) -> Iterator[Metric]:
        for name, (says, labels, rows) in _kept().items():
            family = GaugeMetricFamily(name, says, labels=labels)
            for values, figure in rows:
                family.add_metric(values, figure)
            yield family


Family = tuple[str, tuple[str, ...], list[tuple[tuple[str, ...], Any]]]  # help, labels, rows
Figures = dict[str, Family]

_asking = threading.Lock()
LOOKED_BACK = datetime.timedelta(days=32)
REFUSALS = (EventKind.FAILED, EventKind.LOCKED_OUT, EventKind.REFUSED)


def _kept() -> Figures:
    with _asking:
        try:
            found: Figures | None = caches["worker"].get("config.metrics")
            if found is None:
                found = {**_money(), **_trail(), "remit_database_away": _one(AWAY, 0)}
                caches["worker"].set("config.metrics", found, KEPT_FOR)
        except DatabaseError:
            return {"remit_database_away": _one(AWAY, 1)}
    return found


AWAY = "1 while the database does not answer"


def _one(says: str, figure: Any) -> Family:
    return says, (), [((), figure)]


def _money() -> Figures:
    waiting = Payment.objects.with_credit().order_by()
    whose = {"insurer": waiting.filter(patient=None), "patient": waiting.of_patients()}
    sums = {
        (name,): found.aggregate(count=Count("pk"), amount=Sum("unallocated"))
        for name, found in whose.items()
    }
    negative = Payment.objects.overdrawn().of_patients().order_by()
    return {
        "remit_unallocated_payments": (
            "Payments with money that is on no line",
            ("of",),
            [(name, found["count"]) for name, found in sums.items()],
        ),
        "remit_unallocated_amount": (
            "The money of these payments, in the clinic's currency",
            ("of",),
            [(name, found["amount"] or 0) for name, found in sums.items()],
        ),
        "remit_negative_credit_accounts": _one(
            "Accounts whose credit is below zero",
            negative.values("patient", "provider").distinct().count(),
        ),
    }


def _trail() -> Figures:
    now = timezone.now()
    hour = AuditEvent.objects.filter(at__gte=now - datetime.timedelta(hours=1), kind__in=REFUSALS)
    refused = dict(hour.order_by().values_list("kind").annotate(Count("pk")))
    checks = AuditEvent.objects.filter(at__gte=now - LOOKED_BACK, kind=EventKind.CHECKED)
    figures: Figures = {
        "remit_chain_links": _one("Links of the chain that seals the books", head().number),
        "remit_chain_unsealed_events": _one(
            "Events of the audit trail that no link holds yet", unsealed_events()
        ),
        "remit_refused_last_hour": (
            "Sign-ins that failed, names locked out, pages refused",
            ("kind",),
            [((str(kind),), refused.get(kind, 0)) for kind in REFUSALS],
        ),
    }
    if checked := checks.order_by("-at").first():
        holds = checked.what.startswith("The books hold")
        figures["remit_books_checked_timestamp_seconds"] = _one(
            "When check_ledger last came to its end", checked.at.timestamp()
        )
        figures["remit_books_hold"] = _one("1 when it found nothing wrong", int(holds))
    return figures
