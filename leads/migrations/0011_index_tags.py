"""Find the leads with a tag."""

from django.db import migrations, models

from crm_project.db.migration_operations import AddIndex
from leads.indexes import TrigramIndex

IS_TAGGED = models.Q(is_active=True) & ~models.Q(tag_keys="")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("leads", "0010_add_tags")]

    operations = [
        AddIndex(
            model_name="lead",
            index=TrigramIndex(
                fields=["tag_keys"], opclasses=["gin_trgm_ops"], condition=IS_TAGGED, name="leads_by_tag"
            ),
        ),
        AddIndex(
            model_name="lead",
            index=models.Index(fields=["-created_at", "-id"], condition=IS_TAGGED, name="leads_tagged"),
        ),
    ]
