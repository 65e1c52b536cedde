"""Compute the keys of telephone numbers and names anew: numbers are compared without country code and extension."""

from django.db import migrations

from crm_project.db.migration_operations import in_batches
from leads.search_keys import full_name_key, person_key


def compute_keys(apps, schema_editor):
    Lead = apps.get_model("leads", "Lead")

    def change(leads):
        changed = []
        for lead in leads.only("first_name", "last_name", "phone", "person_key"):
            key = person_key(lead.phone, full_name_key(lead.first_name, lead.last_name))
            if key != lead.person_key:
                lead.person_key = key
                changed.append(lead)
        Lead.objects.bulk_update(changed, ["person_key"])

    in_batches(Lead.objects.exclude(person_key=""), change)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("leads", "0002_name_installation")]

    operations = [migrations.RunPython(compute_keys, migrations.RunPython.noop)]
