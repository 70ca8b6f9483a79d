"""The table in which workers tell each other what was counted and which codes were used."""

from typing import Any

from django.core.management import call_command
from django.db import migrations

TABLE = "remit_cache"


def make(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    if TABLE not in schema_editor.connection.introspection.table_names():  # made by hand before
        call_command("createcachetable", TABLE, database=alias, verbosity=0)


def drop(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(f"DROP TABLE {schema_editor.quote_name(TABLE)}")


class Migration(migrations.Migration):
    dependencies = [("config", "0001_sign_ins")]
    operations = [migrations.RunPython(make, drop)]
