"""Index the follow-ups that an import added, which an undo finds by it."""

from django.db import migrations, models

from crm_project.db.migration_operations import AddIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("activities", "0005_add_reminders")]

    operations = [
        AddIndex(
            model_name="followup",
            index=models.Index(
                condition=models.Q(("import_run__isnull", False)), fields=["import_run"], name="follow_ups_of_import"
            ),
        ),
    ]
