"""Who undid an import, not by name alone: names change, and two people may have one."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def look_up(apps: Any, schema_editor: Any) -> None:
    """From the history of the leads that an undo changed, which has always named the user; one walk through it."""
    runs = apps.get_model("leads", "ImportRun").objects.using(schema_editor.connection.alias)
    undone = dict(runs.filter(state="undone").values_list("pk", "undone_by"))
    if undone:
        entries = apps.get_model("leads", "LeadChange").objects.using(schema_editor.connection.alias)
        there = set(apps.get_model("users", "User").objects.values_list("pk", flat=True))  # the history outlives users
        told = entries.filter(kind="undone", import_run__in=undone).values_list("import_run", "user", "user_name")
        for run, user, name, _ in told.annotate(last=models.Max("pk")).order_by("last"):
            # One that was undone in two goes has two users in its history, and the later one's name, if not both's.
            if undone[run] == name[:150]:
                runs.filter(pk=run).update(undone_by_user=user if user in there else None)


class Migration(migrations.Migration):
    """The column, and what it would have held."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("leads", "0009_index_counts"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrun",
            name="undone_by_user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(look_up, migrations.RunPython.noop),
    ]
