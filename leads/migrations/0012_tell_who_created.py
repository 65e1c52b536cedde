"""Who created a lead, told by the lead itself: an entry in the history for each took as long as an index or two.

What the history holds already stays there; new columns without a value change no row.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Below all others, because the highest id is the newest entry.
BACK = """
INSERT INTO leads_leadchange (id, lead_id, changes, at, kind, door, user_id, user_name)
SELECT -leads_lead.id, leads_lead.id, '{}', created_at, 'created', created_through, user_id, name
FROM leads_lead JOIN leads_author ON leads_author.id = created_by_id
"""


class Migration(migrations.Migration):
    """The columns; on the way back entries in the history."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("leads", "0011_count_by_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="Author",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=301)),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
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
                to="leads.author",
            ),
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
