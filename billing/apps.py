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
        from billing.models.clinic import shown

        # A later migration that rebuilds a table would fail on the triggers (SQLite) or drop
        # them without a word, so they are taken off before and put back after every migrate.
        pre_migrate.connect(guards.before_migrate, sender=self)
        post_migrate.connect(guards.after_migrate, sender=self)
        post_migrate.connect(complete_the_chart, sender=self)
        money.ask_for_currency(lambda: shown().currency)
        django_checks.register(guards.check_installed, django_checks.Tags.database)


def complete_the_chart(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Every kind of row has its account in the journal, also one that a new version brings."""
    from billing.models import LedgerAccount

    if LedgerAccount._meta.db_table in connections[using].introspection.table_names():
        LedgerAccount.objects.using(using).complete()
