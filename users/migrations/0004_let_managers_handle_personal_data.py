"""Managers answer people who ask what is held about them. A group of that name that was taken away stays away."""

from django.db import migrations

CODENAME, NAME = "handle_personal_data", "Can export and erase what is held about a person"
MANAGERS = "Office managers"


def let_managers(apps, schema_editor):
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label="users", model="user")
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=CODENAME, defaults={"name": NAME}
    )
    for group in apps.get_model("auth", "Group").objects.filter(name=MANAGERS):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("users", "0003_make_office_groups")]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={"ordering": ("username_key", "id"), "permissions": ((CODENAME, NAME),)},
        ),
        migrations.RunPython(let_managers, migrations.RunPython.noop),
    ]
