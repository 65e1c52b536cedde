from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("leads", "0007_index_back_office")]

    operations = [
        migrations.AlterModelOptions(
            name="importrun",
            options={
                "ordering": ("-id",),
                "verbose_name": "import",
                "permissions": (("import_leads", "Can import leads"), ("undo_import", "Can undo an import")),
            },
        ),
        migrations.AlterModelOptions(
            name="lead",
            options={
                "ordering": ("-created_at", "-id"),
                "permissions": (("export_leads", "Can export leads"), ("merge_leads", "Can merge leads")),
            },
        ),
    ]
