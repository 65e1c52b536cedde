from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("leads", "0006_merge_leads"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(
                fields=["-created_at", "-id"], condition=models.Q(("is_active", False)), name="leads_deleted"
            ),
        ),
    ]
