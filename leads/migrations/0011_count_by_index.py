"""The dashboard's counts on SQLite: from an index that holds all that is counted; nothing on PostgreSQL."""

from django.db import migrations, models

from leads.indexes import CountingIndex


class Migration(migrations.Migration):
    """The index."""

    dependencies = [("leads", "0010_remember_who_undid")]

    operations = [
        migrations.AddIndex(
            model_name="lead",
            index=CountingIndex(
                fields=["status", "created_at", "closed_at", "activity_count", "is_active"],
                condition=models.Q(is_active=True),
                name="leads_counted",
            ),
        ),
    ]
