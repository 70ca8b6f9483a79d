"""When an invoice was issued by the clock. Of those issued before nobody knows; they were begun then."""

from django.db import migrations, models
from django.db.models import F, Q


def as_begun(apps, schema_editor):
    invoices = apps.get_model("billing", "Invoice").objects.using(schema_editor.connection.alias)
    invoices.filter(issued_on__isnull=False).update(issued_at=F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("billing", "0012_reports")]

    operations = [
        migrations.AddField(
            model_name="invoice",
            name="issued_at",
            field=models.DateTimeField(
                editable=False,
                help_text="When it was issued by the clock, whatever its date",
                null=True,
            ),
        ),
        migrations.RunPython(as_begun, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="invoice", name="invoice_numbered_when_issued"),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=Q(issued_at__isnull=True, issued_on__isnull=True, number__isnull=True)
                | Q(issued_at__isnull=False, issued_on__isnull=False, number__isnull=False),
                name="invoice_numbered_when_issued",
            ),
        ),
    ]
