from typing import Any

from django.apps import AppConfig
from django.core import checks as django_checks
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.signals import post_migrate, pre_migrate


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        from billing import guards, money  # models are loaded only now
        from billing.audit import signing
        from billing.chain.acts import sealing
        from billing.models.clinic import shown
        from patients import http

        # A later migration that rebuilds a table would fail on the triggers (SQLite) or drop
        # them without a word, so they are taken off before and put back after every migrate.
        pre_migrate.connect(guards.before_migrate, sender=self)
        post_migrate.connect(guards.after_migrate, sender=self)
        post_migrate.connect(begin_the_chain, sender=self)  # before anything new is written
        post_migrate.connect(complete_the_chart, sender=self)
        money.ask_for_currency(lambda: shown().currency)
        # Patients' pages are acts, too: the history they write is sealed last, not row by row.
        http.write_in(
            lambda name, request: sealing(
                name, by=request.user if request.user.is_authenticated else None
            )
        )
        signing.connect()
        django_checks.register(guards.check_installed, django_checks.Tags.database)


def complete_the_chart(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Every kind of row has its account in the journal, also one that a new version brings."""
    from billing.models import LedgerAccount

    if LedgerAccount._meta.db_table in connections[using].introspection.table_names():
        LedgerAccount.objects.using(using).complete()


def begin_the_chain(using: str = DEFAULT_DB_ALIAS, verbosity: int = 1, **kwargs: Any) -> None:
    """Books that are older than the chain are sealed as they are when it comes."""
    from billing.chain.links import seal_what_was_there
    from billing.models import ChainLink

    if using != DEFAULT_DB_ALIAS or not _exists(using, ChainLink._meta.db_table):
        return
    rows = seal_what_was_there()
    if rows and verbosity:
        print(  # noqa: T201
            f"  Sealed {rows:,} rows of the books as they are now. Whether they were changed before"
            " nobody can tell; from now on manage.py check_ledger does."
        )


def _exists(using: str, table: str) -> bool:
    return table in connections[using].introspection.table_names()
