"""Say which import a follow-up is from, so that it can be undone."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("activities", "0003_name_programs"),
        ("leads", "0013_remember_erased_contacts"),
    ]

    operations = [
        migrations.AddField(
            model_name="followup",
            name="import_run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="leads.importrun",
            ),
        ),
    ]
