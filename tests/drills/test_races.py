"""Many at the same money at the same moment, over HTTP, with real processes on both sides.

    make drill DRILL=tests/drills/test_races.py        DRILL_SECONDS=60 for a longer crowd

Nothing is ever over-allocated or posted twice, nothing deadlocks, and who comes too late reads why.
(`tests/postgres/races/` and `tests/ledger/test_races_on_sqlite.py` are short and go with
`make test`.)
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.drills.browser import Answer, Browser
from tests.drills.clinics import Clinic, tell
from tests.drills.conftest import Open
from tests.drills.desks import PEOPLE
from tests.drills.racing import Crowd, Press, Rival
from tests.screens.page_forms import PageForm

SECONDS = float(os.environ.get("DRILL_SECONDS", "15"))
ROUNDS = int(os.environ.get("DRILL_ROUNDS", "5"))
WORKERS = 4


@pytest.fixture(scope="module")
def eight() -> Iterator[Crowd]:
    with Crowd(8) as crowd:
        yield crowd


def on_both_sides(clinic: Clinic) -> list[Browser]:
    """Eight browsers of three people."""
    people = [clinic.browser(name) for name in PEOPLE]
    return [people[seat % len(people)] for seat in range(8)]


def open_lines(clinic: Clinic, number: int) -> list[tuple[int, str]]:
    """Lines of different patients that owe 20.00 at least, and their patients' charts."""
    found = clinic.ask(
        "SELECT MIN(l.id), p.chart_number FROM billing_invoiceline l"
        " JOIN patients_patient p ON p.id = l.patient_id"
        " WHERE l.balance >= 2000 AND l.issued_on IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM billing_linevoid v WHERE v.line_id = l.id)"
        " GROUP BY p.chart_number ORDER BY 1"
    )
    assert len(found) >= number
    return [(line, chart) for line, chart in found[:number]]


def take_check(clinic: Clinic, browser: Browser, dollars: str) -> str:
    """An insurer's check that is on no line yet; where its page is."""
    (payer, *_) = clinic.scalars("SELECT name FROM patients_payer ORDER BY id")
    page = browser.get("/insurance-payments/new/")
    form = page.form("payer")
    key = form.sent["key"][0]
    form.sent |= {"payer": [payer], "amount": [dollars], "reference": [f"D-{key}"]}
    answer = browser.press(page, form, "action", "save")
    assert answer.status == 302, answer.text
    return answer.headers["Location"]


def allocate(browser: Browser, check: str, lines: list[tuple[int, str]], dollars: str) -> Press:
    """So much of the check on each of these lines, filled in and not sent yet."""
    page = browser.get(check)
    for _line, chart in lines:
        page = browser.press(page, page.form("key"), "add", f"{chart}:unpaid")
    form = page.form("key")
    for line, _chart in lines:
        assert str(line) in form.sent["lines"]
        form.sent[f"line-{line}-paid"] = [dollars]
    return Press(browser, page, form, ("action", "save"))


def outcome(answers: list[Answer]) -> tuple[int, list[str]]:
    """How many were saved, and what the others were told; nobody is left without a sentence."""
    wrong = [f"{a.status}: {a.text[:300]}" for a in answers if a.status not in (200, 302)]
    assert wrong == []
    told = [a for a in answers if a.status == 200]
    assert all(a.said for a in told), told
    return len(answers) - len(told), [sentence for a in told for sentence in a.said]


def over_allocated(clinic: Clinic) -> list[str]:
    """Payments of the drill of which more was used than there is, at any moment of their history,
    and lines that were paid too often or too rarely."""
    payments = clinic.scalars(
        "SELECT DISTINCT number FROM (SELECT p.number, p.amount, SUM(a.amount) OVER"
        " (PARTITION BY p.id ORDER BY a.id) AS used FROM billing_payment p"
        " JOIN billing_allocation a ON a.payment_id = p.id WHERE p.reference LIKE 'D-%') history"
        " WHERE used > amount OR used < 0"
    )
    lines = clinic.scalars("SELECT id FROM billing_invoiceline WHERE balance < 0 OR paid < 0")
    return [*payments, *(f"line {line}" for line in lines)]


def test_one_check_is_allocated_by_eight_at_once(open_clinic: Open, eight: Crowd) -> None:
    clinic = open_clinic(workers=WORKERS)
    browsers, lines = on_both_sides(clinic), open_lines(clinic, 8)
    told: Counter[str] = Counter()
    for _ in range(ROUNDS):
        check = take_check(clinic, browsers[0], "1.00")
        ready = [
            allocate(b, check, [line], "1.00") for b, line in zip(browsers, lines, strict=True)
        ]
        saved, sentences = outcome(eight.at_once(ready))
        told.update(sentences)
        assert saved == 1
        assert len(sentences) == 7
    tell(f"{clinic.engine}: {ROUNDS} rounds, {told.most_common(3)}")
    assert over_allocated(clinic) == []
    clinic.check_ledger()


@pytest.mark.parametrize("engine", ["postgresql"])
def test_without_locks_and_guards_one_check_is_allocated_twice(
    open_clinic: Open, eight: Crowd
) -> None:
    """The control: the drill above finds it."""
    clinic = open_clinic("no_locks", "no_guards", workers=WORKERS)
    browsers, lines = on_both_sides(clinic), open_lines(clinic, 8)
    saved = []
    for _ in range(ROUNDS):
        check = take_check(clinic, browsers[0], "1.00")
        ready = [
            allocate(b, check, [line], "1.00") for b, line in zip(browsers, lines, strict=True)
        ]
        saved.append(sum(answer.status == 302 for answer in eight.at_once(ready)))
    tell(f"{clinic.engine}, no locks, no guards: saved in each round {saved}")
    assert max(saved) > 1
    assert over_allocated(clinic)
    with pytest.raises(AssertionError, match="FAIL"):
        clinic.check_ledger()


@pytest.mark.parametrize("engine", ["postgresql"])
def test_without_locks_the_database_alone_refuses(open_clinic: Open, eight: Crowd) -> None:
    """Whoever forgets a lock one day makes an error page, and no mystery in the books."""
    clinic = open_clinic("no_locks", workers=WORKERS)
    browsers, lines = on_both_sides(clinic), open_lines(clinic, 8)
    for _ in range(ROUNDS):
        check = take_check(clinic, browsers[0], "1.00")
        ready = [
            allocate(b, check, [line], "1.00") for b, line in zip(browsers, lines, strict=True)
        ]
        assert sum(answer.status == 302 for answer in eight.at_once(ready)) == 1
    assert over_allocated(clinic) == []
    clinic.check_ledger()


def test_two_checks_cross_on_the_same_lines(open_clinic: Open, eight: Crowd) -> None:
    """Half of them go through the lines one way, half the other: they wait, and none for ever."""
    clinic = open_clinic(workers=WORKERS)
    browsers, lines = on_both_sides(clinic), open_lines(clinic, 4)
    for _ in range(ROUNDS):
        checks = [take_check(clinic, browsers[0], "1.00") for _ in range(8)]
        ready = [
            allocate(browser, check, lines[:: 1 if seat % 2 else -1], "0.25")
            for seat, (browser, check) in enumerate(zip(browsers, checks, strict=True))
        ]
        saved, told = outcome(eight.at_once(ready))
        assert saved >= 1
        assert all("changed" in each or "meanwhile" in each or "paid" in each for each in told), (
            told
        )
    assert over_allocated(clinic) == []
    clinic.check_ledger()


def take_payment(browser: Browser, chart: str, line: int, dollars: str = "1.00") -> Press:
    page = browser.get(f"/patients/{chart}/payments/new/")
    form = page.form("amount")
    key = form.sent["key"][0]
    form.sent |= {"amount": [dollars], "reference": [f"D-{key}"], "method": ["cash"]}
    form.sent[f"line-{line}-paid"] = [dollars]
    return Press(browser, page, form, ("action", "save"))


def number_of(clinic: Clinic, form: PageForm) -> str:
    ((number,),) = clinic.ask(
        "SELECT number FROM billing_payment WHERE reference = ?", form.sent["reference"][0]
    )
    return str(number)


def reverse(browser: Browser, number: str) -> Press:
    page = browser.get(f"/payments/{number}/reverse/")
    form = page.form("reason")
    form.sent |= {"reason": ["Wrong amount"], "after": ["unpay"]}
    return Press(browser, page, form)


def test_reversals_and_un_payings_cross(open_clinic: Open, eight: Crowd) -> None:
    """Four reverse a payment that the others just take off its line: each is undone once."""
    clinic = open_clinic(workers=WORKERS)
    browsers = [clinic.browser("biller"), clinic.browser("admin")] * 4  # who may undo others' work
    [(line, chart)] = open_lines(clinic, 1)
    ((provider,),) = clinic.ask("SELECT provider_id FROM billing_invoiceline WHERE id = ?", line)
    for _ in range(ROUNDS):
        first = take_payment(browsers[0], chart, line)
        assert first().status == 302
        second = take_payment(browsers[1], chart, line)
        assert second().status == 302
        numbers = [number_of(clinic, first.form), number_of(clinic, second.form)]
        ready = [reverse(browsers[seat], numbers[seat % 2]) for seat in range(4)]
        for browser in browsers[4:]:
            page = browser.get(f"/patients/{chart}/credit/?provider={provider}&view=all")
            form = page.form("key")
            form.sent[f"line-{line}-amount"] = ["-1.00"]
            ready.append(Press(browser, page, form, ("action", "save")))
        saved, told = outcome(eight.at_once(ready))
        assert 2 <= saved <= 4
        assert len(told) >= 4
        for number in numbers:
            assert clinic.ask(
                "SELECT o.allocated, COUNT(*) FROM billing_payment o JOIN billing_payment r"
                " ON r.original_id = o.id WHERE o.number = ? GROUP BY o.allocated",
                number,
            ) == [(0, 1)]
    clinic.check_ledger()


@pytest.mark.parametrize("what", ["payment", "reversal"])
def test_the_same_form_is_sent_ten_times(open_clinic: Open, what: str) -> None:
    clinic = open_clinic(workers=WORKERS)
    browser = clinic.browser()
    [(line, chart)] = open_lines(clinic, 1)
    with Crowd(10) as crowd:
        for _ in range(ROUNDS):
            press = payment = take_payment(browser, chart, line)
            if what == "reversal":
                assert payment().status == 302
                press = reverse(browser, number_of(clinic, payment.form))
            answers = crowd.at_once([press] * 10)
            assert [answer.status for answer in answers] == [302] * 10
            number = number_of(clinic, payment.form)  # there is one
            undone = clinic.ask(
                "SELECT r.kind FROM billing_payment o JOIN billing_payment r"
                " ON r.original_id = o.id WHERE o.number = ?",
                number,
            )
            assert undone == ([("reversal",)] if what == "reversal" else [])
    clinic.check_ledger()


def test_two_people_on_one_stale_form(open_clinic: Open) -> None:
    clinic = open_clinic()
    ana, ben = clinic.browser("frontdesk"), clinic.browser("biller")
    [(line, chart)] = open_lines(clinic, 1)
    ours, theirs = take_payment(ana, chart, line), take_payment(ben, chart, line)
    assert ours().status == 302
    late = theirs()
    assert late.status == 200
    assert late.form("amount").sent[f"line-{line}-paid"] == ["1.00"]  # what was typed is kept
    assert any("changed" in each or "paid" in each for each in late.said), late.said
    tell(f"{clinic.engine}: {late.said}")
    clinic.check_ledger()


# --- A crowd at one account ----------------------------------------------------------------------


def crowd_at_one_account(clinic: Clinic, number: int = 16) -> tuple[int, int, list[str], float]:
    """For some seconds: (saved, busy, what went wrong, the longest wait)."""
    line, chart, provider = clinic.ask(
        "SELECT MIN(l.id), p.chart_number, l.provider_id FROM billing_invoiceline l"
        " JOIN patients_patient p ON p.id = l.patient_id WHERE l.balance > 0"
        " GROUP BY p.chart_number, l.provider_id ORDER BY COUNT(*) DESC, 1"
    )[0]
    browsers = [clinic.browser(name) for name in PEOPLE]
    for _ in range(2):
        form = take_payment(browsers[0], chart, line, "30.00")
        form.form.sent |= {"provider": [str(provider)], f"line-{line}-paid": [""]}
        assert form().status == 302
    path = f"/patients/{chart}/credit/?provider={provider}&view=all"
    rivals = [
        Rival(browsers[seat % len(browsers)], path, SECONDS, seed=seat) for seat in range(number)
    ]
    with Crowd(number) as crowd:
        outcomes = crowd.at_once(rivals)
    saved, busy = (sum(getattr(each, name) for each in outcomes) for name in ("saved", "busy"))
    refused = sum((each.refused for each in outcomes), Counter[str]())
    longest = max(each.longest for each in outcomes)
    tell(
        f"{clinic.engine}: {number} processes for {SECONDS:.0f} s: {saved} saved,"
        f" {refused.total()} told why not, {busy} busy, longest wait {longest:.1f} s;"
        f" {refused.most_common(3)}"
    )
    return saved, busy, [error for each in outcomes for error in each.errors], longest


def test_sixteen_processes_at_one_account(open_clinic: Open) -> None:
    clinic = open_clinic(workers=WORKERS)
    saved, busy, errors, _longest = crowd_at_one_account(clinic)
    assert saved
    assert (busy, errors) == (0, [])
    assert over_allocated(clinic) == []
    clinic.check_ledger()


def eight_checks(clinic: Clinic, eight: Crowd) -> list[int]:
    """Eight people save a new check each, at once, again and again: the answers."""
    (payer, *_) = clinic.scalars("SELECT name FROM patients_payer ORDER BY id")
    answers: list[int] = []
    browsers = on_both_sides(clinic)
    for _ in range(ROUNDS):
        ready = []
        for browser in browsers:
            page = browser.get("/insurance-payments/new/")
            form = page.form("payer")
            reference = f"D-{form.sent['key'][0]}"
            form.sent |= {"payer": [payer], "amount": ["1.00"], "reference": [reference]}
            ready.append(Press(browser, page, form, ("action", "save")))
        answers += [answer.status for answer in eight.at_once(ready)]
    return answers


def test_eight_checks_are_saved_at_once(open_clinic: Open, eight: Crowd) -> None:
    clinic = open_clinic(workers=WORKERS)
    assert set(eight_checks(clinic, eight)) == {302}
    clinic.check_ledger()


@pytest.mark.parametrize("engine", ["sqlite"])
def test_with_deferred_transactions_sqlite_is_locked(open_clinic: Open, eight: Crowd) -> None:
    """The control: a transaction that reads first and then writes cannot wait in SQLite.

    (A verb alone would: its first statement takes the form's key.)
    """
    clinic = open_clinic("deferred", workers=WORKERS)
    assert 503 in eight_checks(clinic, eight)
    clinic.check_ledger()
