from django.apps import AppConfig
from django.core import checks as django_checks
from django.db.models.signals import post_migrate, pre_migrate


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        from billing import guards  # models are loaded only now

        # A later migration that rebuilds a table would fail on the triggers (SQLite) or drop
        # them without a word, so they are taken off before and put back after every migrate.
        pre_migrate.connect(guards.before_migrate, sender=self)
        post_migrate.connect(guards.after_migrate, sender=self)
        django_checks.register(guards.check_installed, django_checks.Tags.database)
