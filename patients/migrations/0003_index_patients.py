from itertools import islice

from django.db import migrations

from patients.search import words_of


def index_patients(apps, schema_editor):
    """Whoever was registered before the words were kept is found by them, too."""
    patient = apps.get_model("patients", "Patient").objects
    word = apps.get_model("patients", "PatientWord")
    fields = ["family_name", "given_name", "chart_number", "phone"]
    rows = (
        word(patient_id=each.pk, word=found)
        for each in patient.only(*fields).iterator(2000)
        for found in sorted(words_of(each))
    )
    while some := list(islice(rows, 5000)):
        word.objects.bulk_create(some)


class Migration(migrations.Migration):

    dependencies = [
        ("patients", "0002_address_guarantor_words"),
    ]

    operations = [
        migrations.RunPython(index_patients, migrations.RunPython.noop),
    ]
