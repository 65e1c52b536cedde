"""Find the leads of an owner, and those of nobody, in the order of the list."""

from django.db import migrations, models

from crm_project.db.migration_operations import AddIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("leads", "0007_add_owner")]

    operations = [
        AddIndex(
            model_name="lead",
            index=models.Index(
                fields=["owner", "-created_at", "-id"],
                condition=models.Q(is_active=True, owner__isnull=False),
                name="leads_by_owner",
            ),
        ),
        AddIndex(
            model_name="lead",
            index=models.Index(
                fields=["-created_at", "-id"],
                condition=models.Q(is_active=True, owner__isnull=True),
                name="leads_unowned",
            ),
        ),
    ]
