"""Who may open what: every address, every role, every method, against a table kept by hand.

The map of the program is `config/access.py`, and who has which right `config/roles.py`. This table
says the same a second time, in letters, so that a slip in either is found; an address that
has no line here fails.
"""

from __future__ import annotations

import json
import re
import uuid
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse

from billing.models import Clinic
from config import roles
from config.access import SCREENS, may_act, may_look
from config.roles import ACCOUNTANT, ADMINISTRATOR, BILLER, FRONT_DESK, RIGHTS, ROLES
from tests.factories import UserFactory
from tests.factories.bills import day, money
from tests.screens.small_clinic import SmallClinic, everything, small_clinic

pytestmark = pytest.mark.django_db

# F front desk, B biller, A accountant, D administrator, N signed in without any role, * anybody.
# First who may look, then who may act; - nobody: the method is not allowed at all.
TABLE = """
billing:today                       FBAD   -
billing:audit                       D      -
billing:patient_audit               D      -
billing:patient_account             FBAD   FB
billing:payment_new                 FB     FB
billing:payment_start               FB     FB
billing:patient_refund              FB     -
billing:patient_transfer            FB     -
billing:write_off_new               FB     FB
billing:patient_credit              FB     FB
billing:patient_family              FBAD   -
billing:credit_allocation           FB     -
billing:patient_documents           FBAD   -
billing:statement_new               FB     FB
billing:superbill_new               FB     FB
billing:session_new                 FB     FB
billing:session_list                FBAD   FB
billing:session_start               FB     FB
billing:session_edit                FB     FB
billing:fee_list                    FBAD   -
billing:payment_list                FBAD   -
billing:unallocated_payments        FBAD   -
billing:negative_credit             FBAD   -
billing:payment_detail              FBAD   -
billing:payment_reverse             FB     FB
billing:payment_void                FB     FB
billing:payment_unpay               -      FB
billing:payment_receipt             FBAD   FB
billing:payment_correct             FB     FB
billing:payment_refund              FB     FB
billing:refund_undo                 FB     FB
billing:payment_transfer            FB     FB
billing:small_balances              B      B
billing:write_off_undo              FB     FB
billing:report_list                 FBAD   -
billing:report_detail               FBAD   -
billing:report_export               AD     -
billing:journal_entries             AD     -
billing:journal_batches             AD     A
billing:journal_download            AD     -
billing:deposit_slip                FBAD   FB
billing:insurance_payment_list      FBAD   -
billing:insurance_payment_new       FB     FB
billing:insurance_payment_detail    FBAD   FB
billing:insurance_payment_draft     -      FB
billing:insurance_payment_draft_kept FB    -
billing:insurance_payment_drafts    FB     -
billing:insurance_payment_discard   -      FB
billing:era_import                  B      B
billing:era_file                    B      B
billing:era_undo                    B      B
billing:remittance_detail           B      B
billing:remittance_row              B      B
billing:remittance_undo             B      B
billing:unmatched_claims            B      -
billing:unmatched_claim             B      B
billing:payer_list                  FBAD   -
billing:payer_account               FBAD   -
billing:denial_list                 FBAD   -
billing:invoice_list                FBAD   -
billing:invoice_new                 FB     FB
billing:invoice_draft               FB     FB
billing:invoice_detail              FBAD   -
billing:invoice_void                B      B
billing:line_responsibility         B      B
billing:invoice_print               -      FB
billing:document_detail             FBAD   -
billing:statement_batch_new         FB     FB
billing:statement_batch_detail      FBAD   -
billing:deposit_list                FBAD   -
billing:deposit_detail              FBAD   -
billing:deposit_print               FBAD   -
billing:period_list                 BAD    AD
billing:period_reopen               AD     AD
billing:import_start                D      -
billing:import_upload               D      D
billing:import_template             D      -
billing:import_check                D      D
billing:import_problems             D      -
billing:find_anything               FBAD   FBAD
billing:find_payers                 -      FBAD
billing:find_patients               -      FBAD
billing:find_services               -      FBAD
billing:help_keys                   FBADN  FBADN
billing:help_words                  FBADN  -
billing:clinic_logo                 FBADN  -
patients:search                     -      FBAD
patients:patient_list               FBAD   -
patients:patient_new                FBD    FBD
patients:patient_detail             FBAD   -
patients:patient_edit               FBD    FBD
patients:coverage_new               FBD    FBD
patients:coverage_edit              FBD    FBD
account_login                       *      *
account_logout                      *      *
account_inactive                    *      -
account_session                     FBADN  FBADN
account_reauthenticate              FBADN  FBADN
account_change_password             FBADN  FBADN
account_sign_ins                    FBADN  FBADN
account_set_password                *      *
mfa_index                           FBADN  -
mfa_authenticate                    *      *
mfa_reauthenticate                  FBADN  FBADN
mfa_activate_totp                   FBADN  FBADN
mfa_deactivate_totp                 FBADN  FBADN
mfa_list_webauthn                   FBADN  -
mfa_add_webauthn                    FBADN  FBADN
mfa_reauthenticate_webauthn         FBADN  FBADN
mfa_edit_webauthn                   FBADN  FBADN
mfa_remove_webauthn                 FBADN  FBADN
mfa_view_recovery_codes             FBADN  -
mfa_generate_recovery_codes         FBADN  FBADN
mfa_download_recovery_codes         FBADN  -
healthz                             *      -
readyz                              *      -
metrics                             *      -
favicon                             *      -
admin:login                         D      D
admin:logout                        FBADN  FBADN
admin:*                             D      D
"""
# That somebody was refused is on record (docs/decisions/0018); nothing else may change.
NOTED = frozenset({"AuditEvent", "ChainLink"})
WHO = {
    "F": FRONT_DESK,
    "B": BILLER,
    "A": ACCOUNTANT,
    "D": ADMINISTRATOR,
    "N": "nobody's role",
    "*": "not signed in",
}
# In Django admin: what administrators may add, change and delete by hand. They look at the rest.
ADMIN_TABLE = """
auth.user                add change
auth.group               add change delete
axes.accessattempt       delete
mfa.authenticator        delete
billing.clinic           add change
billing.codeaction       add change delete
billing.ledgeraccount    add change delete
billing.numberseries     change
billing.payerkey         add change delete
billing.service          add change
patients.coverage        add change
patients.patient         add change
patients.payer           add change
patients.provider        add change
"""


def rows() -> dict[str, tuple[str, str]]:
    """Name of an address -> who looks, who acts."""
    lines = [line.split() for line in TABLE.strip().splitlines()]
    assert len({name for name, _look, _act in lines}) == len(lines)
    return {name: (look, act) for name, look, act in lines}


def row(name: str) -> tuple[str, str]:
    found = rows()
    return found[name] if name in found else found[f"{name.partition(':')[0]}:*"]


def names(patterns: Any = None, namespace: str = "") -> list[tuple[str, str]]:
    """(name, route) of every address in the whole URLconf."""
    found: list[tuple[str, str]] = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else namespace
            found += names(pattern.url_patterns, inner)
        else:
            assert isinstance(pattern, URLPattern)
            found.append((f"{namespace}{pattern.name}", str(pattern.pattern)))
    return found


def addresses(clinic: SmallClinic) -> dict[str, str]:
    """Name -> one address, of something that exists where the small clinic knows it."""
    found = dict(reversed(clinic.urls()))
    for name, route in names():
        if name in found or name in ("admin:None", "admin:app_list", "admin:view_on_site"):
            continue
        arguments = [1 for _each in re.findall(r"<(?:\w+:)?\w+>", route)]
        found[name] = reverse(name, args=arguments)
    return found


def somebody(letter: str) -> Any:
    role = WHO[letter]
    return UserFactory(
        username=letter,
        roles=[role] if role in ROLES else [],
        is_staff=role == ADMINISTRATOR,
    )


def browser(letter: str) -> Client:
    client = Client(raise_request_exception=False)
    if letter != "*":
        client.force_login(somebody(letter))
    return client


def let_go(response: Any) -> None:
    """Close the file of an export, and nothing else: `close()` would close the database too."""
    for close in response._resource_closers:
        close()


def answer_to(client: Client, letter: str, method: str, url: str) -> str:
    """ "open", "refused", "no method" or "sign in": what came of asking."""
    response = client.generic(method, url, content_type="application/x-www-form-urlencoded")
    let_go(response)
    if "logout" in url and letter != "*":
        client.force_login(somebody(letter))
    doors = ("/accounts/login/?next=", "/admin/login/?next=")
    if response.status_code == 302 and response["Location"].startswith(doors):
        return "sign in"
    assert response.status_code < 500, (method, url, response.status_code)
    return {403: "refused", 405: "no method"}.get(response.status_code, "open")


# ---------------------------------------------------------------------------- the whole URLconf


def test_every_address_has_its_line() -> None:
    wild = {name for name in rows() if name.endswith(":*")}
    found = {name for name, _route in names()}
    missing = {name for name in found - rows().keys() if f"{name.partition(':')[0]}:*" not in wild}
    assert missing == set(), "Say in TABLE who may open these."
    assert rows().keys() - wild <= found, "These are gone."


def test_what_is_not_on_the_map_is_open_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(SCREENS, "billing:fee_list")
    client = Client()
    client.force_login(UserFactory(username="owner", is_superuser=True))
    response = client.get("/fees/")
    assert response.status_code == 403
    assert "not open to anybody" in response.content.decode()


@pytest.mark.parametrize("letter", WHO, ids=WHO.values())
def test_every_address_for_every_role_by_every_method(letter: str) -> None:
    clinic = small_clinic()
    urls = addresses(clinic)
    client = browser(letter)
    wrong, asked = [], 0
    for name, url in urls.items():
        look, act = row(name)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            who = {"GET": look, "HEAD": look, "POST": act}.get(method, "-")
            if letter == "*" and "*" not in look + act:
                wanted = "sign in"
            elif who == "-":
                wanted = "no method"
            else:
                wanted = "open" if letter in who or "*" in who else "refused"
            got = answer_to(client, letter, method, url)
            asked += 1
            if name == "admin:login" and letter == "*":
                continue  # it leads to where everybody signs in (test_every_request.py)
            own = name.startswith("admin:") and letter == "D" and got in ("refused", "no method")
            if got != wanted and not (own and wanted == "open"):  # ADMIN_TABLE has these
                wrong.append((name, method, got, wanted))
    assert not wrong, "\n".join(map(str, wrong))
    assert asked > 1000


def test_what_administrators_may_do_in_django_admin() -> None:
    may: dict[str, str] = {
        model: verbs
        for model, _space, verbs in (
            line.partition(" ") for line in ADMIN_TABLE.strip().splitlines()
        )
    }
    client = browser("D")
    user = somebody("D")
    wrong = []
    models = [name for name, _route in names() if re.fullmatch(r"admin:\w+_changelist", name)]
    assert len(models) > 25
    for name in models:
        app, model = name.removeprefix("admin:").removesuffix("_changelist").split("_", 1)
        listed = client.get(reverse(name), follow=True).status_code  # a clinic's is its form
        add = client.get(reverse(f"admin:{app}_{model}_add")).status_code
        verbs = may.get(f"{app}.{model}", "").split()
        # A second clinic is never added, and the numbers' series are made by the first number.
        alone = Clinic.objects.exists() and model == "clinic"
        seen = 403 if name == "admin:account_emailaddress_changelist" else 200  # nobody's here
        if listed != seen or (add == 200) != ("add" in verbs and not alone):
            wrong.append((name, listed, add))
        wrong += [
            (name, verb, verbs)
            for verb in ("change", "delete")
            if user.has_perm(f"{app}.{verb}_{model}") != (verb in verbs)
        ]
    assert wrong == []


# ---------------------------------------------------------------------------- what pages offer


class Offers(HTMLParser):
    """Every way on that a page offers: (what a press does, the address)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.found.append(("look", given["href"]))
        if tag == "form":
            how = "act" if given.get("method", "").lower() == "post" else "look"
            self.found.append((how, given.get("action", "")))
        for name, how in (("hx-get", "look"), ("hx-post", "act"), ("formaction", "act")):
            if name in given:
                self.found.append((how, given[name]))


@pytest.mark.parametrize("letter", "FBADN")
def test_a_page_offers_only_what_its_reader_may_do(letter: str) -> None:
    clinic = small_clinic()
    user = somebody(letter)
    client = browser(letter)
    pages, offers, wrong = 0, 0, set()
    for _name, url in [*clinic.one_of_each(), ("mfa_index", "/accounts/second-factor/")]:
        response = client.get(url)
        let_go(response)
        if response.status_code != 200 or "html" not in response["Content-Type"]:
            continue
        pages += 1
        for how, address in Offers(response.content.decode()).found:
            target = urlsplit(urljoin(f"http://testserver{url}", address))
            if target.netloc != "testserver":
                continue
            try:
                name = resolve(target.path).view_name
            except Resolver404:
                wrong.add((url, "leads nowhere", address))
                continue
            if name.startswith("admin:"):
                allowed = user.is_staff
            else:
                allowed = (may_look if how == "look" else may_act)(user, name)
            offers += 1
            if not allowed:
                wrong.add((url, how, name))
    assert not wrong, "\n".join(map(str, sorted(wrong)))
    least = {"F": (70, 1500), "B": (80, 2000), "A": (40, 1000), "D": (40, 1000), "N": (2, 5)}
    assert pages >= least[letter][0]
    assert offers >= least[letter][1]


# ---------------------------------------------------------------------------- roles, and their page


def test_the_groups_are_as_the_module_has_them() -> None:
    for role, rights in ROLES.items():
        group = Group.objects.get(name=role)
        has = {
            f"{each.content_type.app_label}.{each.codename}"
            for each in group.permissions.select_related("content_type")
        }
        assert rights <= has
        assert role == ADMINISTRATOR or rights == has
    assert {right for rights in ROLES.values() for right in rights} == RIGHTS.keys()


def test_what_an_administrator_changed_in_a_group_stays() -> None:
    Group.objects.get(name=FRONT_DESK).permissions.clear()
    Group.objects.get(name=BILLER).delete()
    roles.make_missing()
    assert not Group.objects.get(name=FRONT_DESK).permissions.exists()
    assert Group.objects.get(name=BILLER).permissions.count() == len(ROLES[BILLER])


def test_every_right_on_the_map_has_its_words() -> None:
    asked = {
        each for screen in SCREENS.values() for each in (*(screen.look or ()), *(screen.act or ()))
    }
    assert asked - RIGHTS.keys() == {"anybody", "signed in", "staff"}


def test_the_page_says_of_every_role_what_the_module_does() -> None:
    page = Path(settings.BASE_DIR, "docs", "roles.md").read_text(encoding="utf-8")
    said = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[5].startswith("`"):
            said[cells[5].strip("`")] = (cells[0], [cell == "yes" for cell in cells[1:5]])
    assert said == {
        right: (words, [right in ROLES[role] for role in ROLES]) for right, words in RIGHTS.items()
    }


# ---------------------------------------------------------------------------- being refused


def test_the_refused_page_says_what_is_missing_and_whom_to_ask() -> None:
    page = " ".join(browser("A").get("/insurance-payments/import-era/").content.decode().split())
    assert "You may not import and post ERA files. Ask a biller. Nothing was changed." in page
    assert 'href="/"' in page
    page = " ".join(browser("N").get("/").content.decode().split())
    assert "Your log-in has no role yet" in page
    assert "Sign out" in page
    assert 'href="/"' not in page


def test_a_part_that_is_refused_is_said_to_htmx() -> None:
    response = browser("F").get("/import/", headers={"HX-Request": "true"})
    assert response.status_code == 403
    said = json.loads(response["HX-Trigger"])["refused"]
    assert said == "You may not import patients, fees and balances. Ask an administrator."


def test_the_role_stands_under_the_name() -> None:
    assert '<span class="who">Front desk</span>' in browser("F").get("/").content.decode()


# ---------------------------------------------------------------------------- forms somebody made up


@pytest.mark.parametrize("letter", "ADN")
def test_what_others_post_to_the_screens_of_money_changes_nothing(letter: str) -> None:
    clinic = small_clinic()
    client = browser(letter)
    before = everything(but=NOTED)
    filled = {
        "key": str(uuid.uuid4()),
        "amount": "5",
        "method": "cash",
        "reason": "Wrong amount",
        "action": "save",
        "provider": clinic.dr1.pk,
        "kind": "courtesy",
        f"line-{clinic.line.pk}-write_off": "5",
        "lines": clinic.line.pk,
    }
    sent = 0
    for name, url in clinic.urls():
        act = row(name)[1]
        if letter not in act and act != "-":
            assert client.post(url, filled).status_code == 403, url
            sent += 1
    assert sent > 50
    assert everything(but=NOTED) == before


def test_another_patients_line_is_out_of_reach() -> None:
    """Whoever may act on one patient's page cannot reach a stranger's line through it."""
    clinic = small_clinic()
    client = browser("F")
    before = everything(but=NOTED)
    line = clinic.strangers_line.pk
    chart = clinic.smith.chart_number
    typed = {"key": str(uuid.uuid4()), "action": "save", "lines": line, "reason": "Hardship"}
    answers = [
        client.post(
            f"/patients/{chart}/write-off/",
            {**typed, "kind": "courtesy", f"line-{line}-write_off": "5"},
        ),
        client.post(
            f"/patients/{chart}/payments/new/",
            {
                **typed,
                "amount": "5",
                "method": "cash",
                "provider": clinic.dr1.pk,
                f"line-{line}-paid": "5",
            },
        ),
        client.post(
            f"/patients/{chart}/credit/?provider={clinic.dr1.pk}",
            {**typed, f"line-{line}-credit": "-5"},
        ),
        client.post(f"/payments/{clinic.receipt.number}/refunds/999999/undo/", typed),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404]
    assert everything(but=NOTED) == before


def test_the_front_desk_reads_why_it_may_not_undo_anothers_payment() -> None:
    clinic = small_clinic()
    client = browser("F")
    url = f"/payments/{clinic.receipt.number}/reverse/"
    sentence = "You may not reverse payments of other people and of earlier days. Ask a biller."
    assert sentence in client.get(url).content.decode()
    before = everything(but=NOTED)
    answer = client.post(url, {"key": str(uuid.uuid4()), "reason": "Wrong amount"})
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert everything(but=NOTED) == before


def test_the_limit_is_said_before_and_after_a_refund_is_typed() -> None:
    clinic = small_clinic()
    Clinic.objects.update(refund_limit=money(10), write_off_limit=money(10))
    client = browser("F")
    url = f"/payments/{clinic.receipt.number}/refund/"
    sentence = "A refund above $10.00 needs somebody who may pay more back: ask a biller."
    assert sentence in client.get(url).content.decode()
    typed = {
        "key": str(uuid.uuid4()),
        "amount": "10.01",
        "method": "cash",
        "reason": "Overpaid",
        "date": day(0).isoformat(),
        "action": "save",
    }
    before = everything(but=NOTED)
    answer = client.post(url, typed)
    assert answer.status_code == 200
    assert answer.content.decode().count(sentence) >= 3  # before, in the summary, beside Amount
    assert everything(but=NOTED) == before
    assert client.post(url, {**typed, "amount": "10"}).status_code == 302
    page = client.get(f"/patients/{clinic.smith.chart_number}/write-off/").content.decode()
    assert "A write-off above $10.00 needs somebody who may write off more: ask a biller." in page
