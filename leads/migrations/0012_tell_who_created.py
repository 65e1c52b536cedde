"""Who created a lead, in the lead itself: an entry in the history for each took as long as an index or two.

What the history holds already stays there; new columns without a value change no row.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

BACK = """
INSERT INTO leads_leadchange (lead_id, changes, at, kind, door, user_id, user_name)
SELECT id, '{}', created_at, 'created', created_through, created_by_id, created_by_name
FROM leads_lead WHERE created_through IS NOT NULL ORDER BY id
"""


class Migration(migrations.Migration):
    """The columns; on the way back entries in the history."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("leads", "0011_count_by_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="lead",
            name="created_by",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="lead",
            name="created_by_name",
            field=models.CharField(editable=False, max_length=301, null=True),
        ),
        migrations.AddField(
            model_name="lead",
            name="created_through",
            field=models.CharField(
                choices=[
                    ("api", "API"),
                    ("admin", "Back office"),
                    ("import", "Import"),
                    ("command", "Command line"),
                ],
                editable=False,
                max_length=8,
                null=True,
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, BACK),
    ]
