"""What has to be set up once, when Django starts."""

import sqlite3
from typing import Any

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps
from django.contrib.auth.signals import user_logged_in
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class AdministrationConfig(admin_apps.AdminConfig):
    default = False  # of this file the app `config` is
    default_site = "config.administration.Administration"


class HouseConfig(AppConfig):
    name = "config"
    verbose_name = "Sign-ins"
    default = True

    def ready(self) -> None:
        from allauth.mfa.signals import authenticator_added

        from config import checks, roles  # noqa: F401  (checks registers itself)
        from config.second_factor import note_set_up
        from config.sessions import note_sign_in

        connection_created.connect(use_sqlites_own_variable_limit)
        user_logged_in.connect(note_sign_in)
        authenticator_added.connect(note_set_up)
        # Of the last app: by then every app's rights are there.
        post_migrate.connect(roles.make_missing, sender=apps.get_app_config("billing"))


def use_sqlites_own_variable_limit(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Let bulk_create fill a statement as far as this SQLite allows.

    Django 5.2 assumes 999 variables, a limit SQLite left behind in 2020. With it the number of
    statements of one posting would grow with the number of its lines.
    """
    if connection.vendor == "sqlite":
        limit = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        connection.features.max_query_params = limit
