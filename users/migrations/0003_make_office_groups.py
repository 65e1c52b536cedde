"""The two groups an office begins with. An administrator may change them: nothing here runs a second time over them."""

from django.db import migrations

# (app, model): codenames and names, as Django makes them after migrating, which is too late for us.
PERMISSIONS = {
    ("leads", "lead"): {
        "view_lead": "Can view lead",
        "add_lead": "Can add lead",
        "change_lead": "Can change lead",
        "export_leads": "Can export leads",
        "merge_leads": "Can merge leads",
    },
    ("leads", "importrun"): {
        "view_importrun": "Can view import",
        "import_leads": "Can import leads",
        "undo_import": "Can undo an import",
    },
    ("leads", "leadchange"): {"view_leadchange": "Can view lead change"},
    ("activities", "activity"): {"view_activity": "Can view activity", "add_activity": "Can add activity"},
    ("users", "user"): {
        "view_user": "Can view user",
        "add_user": "Can add user",
        "change_user": "Can change user",
    },
}
FOR_MANAGERS = {"merge_leads", "undo_import", "view_user", "add_user", "change_user"}
STAFF, MANAGERS = "Office staff", "Office managers"


def make_groups(apps, schema_editor):
    made = {}
    for (app, model), permissions in PERMISSIONS.items():
        content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label=app, model=model)
        for codename, name in permissions.items():
            made[codename], _ = apps.get_model("auth", "Permission").objects.get_or_create(
                content_type=content_type, codename=codename, defaults={"name": name}
            )
    groups = {STAFF: set(made) - FOR_MANAGERS, MANAGERS: set(made)}
    for name, codenames in groups.items():
        group, new = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        if new:
            group.permissions.set([made[codename] for codename in sorted(codenames)])


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0002_count_failures_and_keep_refresh_tokens"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
