import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from billing import guards


class Command(BaseCommand):
    help = (
        "Print the SQL that lets a role do the desk's work and no more: it owns nothing, so it can"
        " switch no trigger off, and what is never changed it may not even try to change. For psql,"
        " as the role that migrates, after every migrate."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", help="the role the web server signs in with, such as remit_app")

    def handle(self, *args: Any, role: str, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("Roles are PostgreSQL's. SQLite's file belongs to one user.")
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", role):
            raise CommandError("A role is of small letters, digits and _, such as remit_app.")
        if role == "public":
            raise CommandError("public is no role: to PostgreSQL it is everybody.")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            if cursor.fetchone()[0] == role:
                raise CommandError(f"{role} owns the tables. Sign in as the role that migrates.")
        self.stdout.write("\n".join(statements(role)))


def statements(role: str) -> list[str]:
    """What a role may do, from nothing."""
    return [
        "BEGIN;",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};",
        f"GRANT USAGE ON SCHEMA public TO {role};",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};",
        *(
            f"REVOKE {event} ON {table} FROM {role};"
            for table, event in sorted(guards.never_done())
        ),
        f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role};",
        "COMMIT;",
    ]
