"""Who may do what: four roles, each a group of rights, and how a verb or a page asks for one.

A right is a permission of Django's, so an administrator can give single ones and change the
groups. The groups are made after `migrate` where they are missing, as they stand here; what an
administrator changed in one is left alone. docs/roles.md is the same table, to be read.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group, Permission, User
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Q, QuerySet

FRONT_DESK, BILLER, ACCOUNTANT, ADMINISTRATOR = (
    "Front desk",
    "Biller",
    "Accountant",
    "Administrator",
)

# A right, and what whoever has it may do.
RIGHTS = {
    "patients.view_patient": "look at patients",
    "patients.add_patient": "register patients",
    "patients.change_patient": "change patients and their coverages",
    "billing.view_payment": "look at bills and payments",
    "billing.enter_charge": "enter sessions and bill them",
    "billing.take_payment": "take patients' payments",
    "billing.allocate_credit": "allocate credit and un-pay lines",
    "billing.transfer_credit": "move credit to another account",
    "billing.refund_payment": "pay money back",
    "billing.refund_above_limit": "pay more back than the clinic's limit",
    "billing.write_off": "write off what is owed",
    "billing.write_off_above_limit": "write off more than the clinic's limit",
    "billing.write_off_small_balances": "write off small balances of all patients at once",
    "billing.reverse_payment": "reverse payments of other people and of earlier days",
    "billing.void_payment": "delete payments of other people and of earlier days",
    "billing.void_charge": "void what was billed",
    "billing.enter_insurance_payment": "enter insurers' payments",
    "billing.overallocate_payment": "over-allocate an insurer's payment",
    "billing.set_responsibility": "say who owes a line",
    "billing.post_era": "import and post ERA files",
    "billing.make_deposit": "make deposit slips",
    "billing.issue_document": "issue invoices, receipts and statements",
    "billing.see_reports": "look at reports",
    "billing.export_reports": "take reports out as files",
    "billing.view_journalbatch": "look at the journal",
    "billing.add_journalbatch": "make batches of the journal",
    "billing.view_closingdate": "look at closed periods",
    "billing.close_period": "close or reopen periods",
    "billing.import_files": "import patients, fees and balances",
    "billing.view_auditevent": "look at the audit trail",
}

_LOOKING = {"patients.view_patient", "billing.view_payment", "billing.see_reports"}
_DESK = {
    *_LOOKING,
    "patients.add_patient",
    "patients.change_patient",
    "billing.enter_charge",
    "billing.take_payment",
    "billing.allocate_credit",
    "billing.transfer_credit",
    "billing.refund_payment",
    "billing.write_off",
    "billing.enter_insurance_payment",
    "billing.make_deposit",
    "billing.issue_document",
}
_BOOKS = {
    *_LOOKING,
    "billing.view_journalbatch",
    "billing.view_closingdate",
    "billing.close_period",
    "billing.export_reports",
}

ROLES = {
    FRONT_DESK: _DESK,
    BILLER: {
        *_DESK,
        "billing.refund_above_limit",
        "billing.write_off_above_limit",
        "billing.write_off_small_balances",
        "billing.reverse_payment",
        "billing.void_payment",
        "billing.void_charge",
        "billing.overallocate_payment",
        "billing.set_responsibility",
        "billing.post_era",
        "billing.view_closingdate",
    },
    ACCOUNTANT: {*_BOOKS, "billing.add_journalbatch"},
    ADMINISTRATOR: {
        *_BOOKS,
        "patients.add_patient",
        "patients.change_patient",
        "billing.import_files",
        "billing.view_auditevent",
    },
}

# What administrators look after in Django admin besides. (They look at every page of it.)
LOOKED_AFTER = {
    "auth.user": "add change view",
    "auth.group": "add change delete view",
    "axes.accessattempt": "view delete",
    "axes.accesslog": "view",
    "billing.clinic": "add change",
    "billing.codeaction": "add change delete",
    "billing.fee": "add change delete",
    "billing.ledgeraccount": "add change delete",
    "billing.numberseries": "change",
    "billing.payerkey": "add change delete",
    "billing.service": "add change",
    "mfa.authenticator": "view delete",
    "patients.coverage": "add change",
    "patients.payer": "add change",
    "patients.provider": "add change",
}

_CALLED = {
    FRONT_DESK: "the front desk",
    BILLER: "a biller",
    ACCOUNTANT: "an accountant",
    ADMINISTRATOR: "an administrator",
}


# ---------------------------------------------------------------------------- asking


def rights_of(user: Any) -> frozenset[str]:
    """The rights of somebody, by role or given one by one, as "billing.take_payment". One query.

    It does not ask whether they may sign in: an import acts for a user nobody can log in as. Who
    is deactivated has no session, so nothing comes from them.
    """
    rights: frozenset[str] | None = getattr(user, "_rights", None)
    if rights is None:
        found = held_by(user.pk).values_list("content_type__app_label", "codename")
        user._rights = rights = frozenset(f"{app}.{codename}" for app, codename in found)
    return rights


def held_by(user: Any) -> QuerySet[Permission]:
    """The permissions of a user's roles and their own; `user` is a key, or an OuterRef to one."""
    of_roles = Group.permissions.through._default_manager.filter(group__user=user)
    own = User.user_permissions.through._default_manager.filter(user=user)
    return Permission.objects.filter(
        Q(pk__in=of_roles.values("permission")) | Q(pk__in=own.values("permission"))
    ).order_by()


def may(user: Any, *rights: str) -> bool:
    """Whether somebody has one of these rights. A superuser has all of them."""
    if user.pk is None:
        return False
    return bool(user.is_superuser) or not rights_of(user).isdisjoint(rights)


def role_of(user: Any) -> str:
    """What stands under somebody's name: their role, "No role yet" where they have none."""
    role = getattr(user, "role", None) or (ADMINISTRATOR if user.is_superuser else "")
    return role or "No role yet"


def whom_to_ask(right: str) -> str:
    """Who has a right unless the groups were changed: "a biller or an accountant"."""
    able = [_CALLED[role] for role in ROLES if right in ROLES[role]]
    *first, last = able or [_CALLED[ADMINISTRATOR]]
    return f"{', '.join(first)} or {last}" if first else last


def refusal(right: str) -> str:
    """What is said to somebody who lacks a right: what is missing, and whom to ask."""
    return f"You may not {RIGHTS[right]}. Ask {whom_to_ask(right)}."


# ---------------------------------------------------------------------------- making the groups


def make_missing(using: str = DEFAULT_DB_ALIAS, verbosity: int = 1, **kwargs: Any) -> None:
    """Make the roles that are not there yet (receives `post_migrate` of the last app)."""
    if Group._meta.db_table not in connections[using].introspection.table_names():
        return
    existing = set(Group.objects.using(using).filter(name__in=ROLES).values_list("name", flat=True))
    new = not existing
    for role in ROLES:
        if role not in existing:
            group = Group.objects.using(using).create(name=role)
            group.permissions.set(_permissions(role, using))
    without = User.objects.using(using).filter(is_active=True, is_superuser=False, groups=None)
    count = without.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).count() if new else 0
    if count and verbosity:
        print(  # noqa: T201
            f"  {count} active {'user has' if count == 1 else 'users have'} no role yet, and may do"
            " nothing until a superuser gives them one: Admin, Users."
        )


def _permissions(role: str, using: str) -> list[Permission]:
    wanted = set(ROLES[role])
    if role == ADMINISTRATOR:
        for model, verbs in LOOKED_AFTER.items():
            app, name = model.split(".")
            wanted |= {f"{app}.{verb}_{name}" for verb in verbs.split()}
    return [
        permission
        for permission in Permission.objects.using(using).select_related("content_type")
        if f"{permission.content_type.app_label}.{permission.codename}" in wanted
        or (
            role == ADMINISTRATOR
            and permission.content_type.app_label in ("billing", "patients")
            and permission.codename.startswith("view_")
            and not permission.codename.startswith("view_historical")  # of the audit trail
        )
    ]
