"""The conventions that hold the house together, each with a sample that breaks it."""

import importlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path

from tests.house.rules import floats, inline_code, machine_traces, money_writes

ROOT = Path(__file__).resolve().parents[2]


def broken_in(files: list[Path], rule: Callable[[str], list[str]]) -> list[str]:
    assert files, "no file to look at"
    return [
        f"{file.relative_to(ROOT)} {finding}"
        for file in files
        for finding in rule(file.read_text(encoding="utf-8"))
    ]


# --- No float in money ---------------------------------------------------------------------------


def test_billing_never_uses_float() -> None:
    assert broken_in(sorted(ROOT.glob("billing/**/*.py")), floats) == []


def test_the_rule_sees_a_float() -> None:
    assert floats("total = Decimal(float(text))") == ["line 1: float"]
    assert floats("def half(amount: float): ...") == ["line 1: float"]
    assert floats('"float(x)"  # float(x)') == []


# --- The ledger is the only writer ---------------------------------------------------------------


def test_only_the_ledger_writes_money_rows() -> None:
    files = [
        file
        for file in sorted(ROOT.glob("billing/**/*.py")) + sorted(ROOT.glob("patients/**/*.py"))
        if not file.is_relative_to(ROOT / "billing/ledger") and "migrations" not in file.parts
    ]
    assert broken_in(files, money_writes) == []


@pytest.mark.parametrize(
    "line",
    [
        "Payment.objects.create(amount=1)",
        "models.Allocation.objects.bulk_create(rows)",
        "Payment.objects.filter(pk=1).exclude(x=2).update(amount=1)",
        "Adjustment.objects.all().delete()",
        "line.allocations.create(amount=1)",
    ],
)
def test_the_rule_sees_a_write(line: str) -> None:
    assert len(money_writes(line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "Payment.objects.filter(pk=1).first()",
        "Patient.objects.create(name='x')",
        "chosen.payments.update(more)",
    ],
)
def test_the_rule_lets_reads_and_others_pass(line: str) -> None:
    assert money_writes(line) == []


# --- No trace of a machine -----------------------------------------------------------------------


def files_of_the_repository() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def texts(files: list[Path]) -> Iterator[Path]:
    for file in files:
        try:
            file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        yield file


def test_no_machine_path_and_no_package_registry() -> None:
    assert broken_in(list(texts(files_of_the_repository())), machine_traces) == []


@pytest.mark.parametrize(
    "line",
    [
        "cd /" + "work/main && make",
        "log in /" + "home/anna/remit/x.log",
        "--index-url https://py" + "pi.org/simple",
    ],
)
def test_the_rule_sees_a_trace(line: str) -> None:
    assert len(machine_traces(line)) == 1


def test_the_rule_lets_addresses_pass() -> None:
    assert machine_traces("https://clinic.example/home/ and ./work/x and /patients/P1042/") == []


# --- Templates under the Content-Security-Policy -------------------------------------------------


def test_templates_hold_no_inline_style_or_script() -> None:
    html = sorted(ROOT.glob("templates/**/*.html")) + sorted(ROOT.glob("*/templates/**/*.html"))
    assert broken_in(html, inline_code) == []


@pytest.mark.parametrize(
    "html",
    [
        '<td style="width: 3em">',
        "<style>td { width: 3em }</style>",
        "<script>go()</script>",
        '<script type="module">',
        '<button onclick="go()">',
        '<form hx-on:submit="go()">',
        '<a href="javascript:go()">',
        '{% lucide "x" style="color: red" %}',
    ],
)
def test_the_rule_sees_inline_code(html: str) -> None:
    assert inline_code(html)


@pytest.mark.parametrize(
    "html",
    [
        '<script src="{% static "js/money-grid.js" %}" defer></script>',
        '{% include "parts/x.html" with online=1 only %}',
        '<link rel="stylesheet" href="{% static "css/app.css" %}">',
        '<th data-style="wide">',
    ],
)
def test_the_rule_lets_files_and_tags_pass(html: str) -> None:
    assert inline_code(html) == []


# --- One word a screen ---------------------------------------------------------------------------


def misnamed(patterns: list[URLPattern | URLResolver]) -> list[str]:
    """A url is named as its view function, so one search finds the whole screen."""
    found: list[str] = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found += misnamed(pattern.url_patterns)
        elif pattern.name != pattern.callback.__name__:
            found.append(f"{pattern.pattern}: {pattern.name} is {pattern.callback.__name__}()")
    return found


@pytest.mark.parametrize("app", ["billing", "patients"])
def test_urls_are_named_as_their_views(app: str) -> None:
    assert misnamed(importlib.import_module(f"{app}.urls").urlpatterns) == []


def test_the_rule_sees_another_name() -> None:
    def payment_list(request: HttpRequest) -> HttpResponse:
        raise NotImplementedError

    assert misnamed([path("a/", payment_list, name="payment_list")]) == []
    assert misnamed([path("a/", payment_list, name="payments")]) == [
        "a/: payments is payment_list()"
    ]
