"""The tables of accounts, and the two groups of a new office."""

import django.core.serializers.json
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


# (app, model): codenames and names. Django creates the permissions after all migrations, which is too late for groups.

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
    ("activities", "activity"): {
        "view_activity": "Can view activity",
        "add_activity": "Can add activity",
        "change_activity": "Can change activity",
        "delete_activity": "Can delete activity",
    },
    ("users", "user"): {
        "view_user": "Can view user",
        "add_user": "Can add user",
        "change_user": "Can change user",
        "handle_personal_data": "Can export and erase personal data",
    },
}
FOR_MANAGERS = {
    "merge_leads",
    "undo_import",
    "change_activity",
    "delete_activity",
    "view_user",
    "add_user",
    "change_user",
    "handle_personal_data",
}
STAFF, MANAGERS = "Office staff", "Office managers"


def make_groups(apps, schema_editor):
    """Create the two groups of an office, which an administrator may change later."""
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

    initial = True

    dependencies = [
        ('contenttypes', '0002_remove_content_type_name'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('username', models.CharField(max_length=150, unique=True)),
                ('email', models.CharField(blank=True, max_length=254)),
                ('username_key', models.CharField(editable=False, max_length=200)),
                ('email_key', models.CharField(editable=False, max_length=200, null=True)),
                ('first_name', models.CharField(blank=True, max_length=150)),
                ('last_name', models.CharField(blank=True, max_length=150)),
                ('is_staff', models.BooleanField(default=False, verbose_name='can log in to the back office')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('awaiting_approval_since', models.DateTimeField(editable=False, null=True)),
                ('token_version', models.PositiveIntegerField(default=1, editable=False)),
                ('must_change_password', models.BooleanField(db_default=False, default=False, verbose_name='must choose a new password at the next login')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'ordering': ('username_key', 'id'),
                'permissions': (('handle_personal_data', 'Can export and erase personal data'),),
            },
        ),
        migrations.CreateModel(
            name='AccountEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('action', models.CharField(max_length=32)),
                ('channel', models.CharField(choices=[('api', 'API'), ('admin', 'Back office'), ('import', 'Import'), ('cli', 'Command line')], max_length=8)),
                ('actor_name', models.CharField(max_length=150)),
                ('target_name', models.CharField(blank=True, max_length=150)),
                ('changes', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('request_id', models.CharField(blank=True, max_length=128)),
                ('actor', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('target_group', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='auth.group')),
                ('target_user', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-id',),
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='LoginFailure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64)),
                ('address', models.CharField(max_length=45)),
                ('failed_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'indexes': [models.Index(fields=['address', '-failed_at'], name='failures_at_address'), models.Index(fields=['name', 'address'], name='failures_of_name'), models.Index(fields=['failed_at'], name='failures_by_time')],
            },
        ),
        migrations.CreateModel(
            name='PasswordResetRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(max_length=45)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RefreshToken',
            fields=[
                ('family', models.UUIDField(primary_key=True, serialize=False)),
                ('token_version', models.PositiveIntegerField()),
                ('digest', models.CharField(max_length=64)),
                ('previous', models.CharField(blank=True, max_length=64)),
                ('rotated_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Registration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(max_length=45)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'indexes': [models.Index(fields=['address', '-made_at'], name='registrations_at_address'), models.Index(fields=['made_at'], name='registrations_by_time')],
            },
        ),
        migrations.CreateModel(
            name='UserSession',
            fields=[
                ('session_key', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='session key')),
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('started_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField()),
                ('address', models.CharField(blank=True, max_length=45)),
                ('browser', models.CharField(blank=True, max_length=60)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'abstract': False,
            },
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(fields=('username_key',), name='users_username_key_unique'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(fields=('email_key',), name='users_email_key_unique'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('username', ''), _negated=True), name='users_username_not_empty'),
        ),
        migrations.AddIndex(
            model_name='accountevent',
            index=models.Index(fields=['target_user', '-id'], name='account_events_of_target'),
        ),
        migrations.AddIndex(
            model_name='accountevent',
            index=models.Index(fields=['actor', '-id'], name='account_events_of_actor'),
        ),
        migrations.AddIndex(
            model_name='accountevent',
            index=models.Index(fields=['action', '-id'], name='account_events_of_action'),
        ),
        migrations.AddIndex(
            model_name='accountevent',
            index=models.Index(fields=['at'], name='account_events_by_time'),
        ),
        migrations.AddIndex(
            model_name='passwordresetrequest',
            index=models.Index(fields=['address', '-asked_at'], name='reset_requests_at_address'),
        ),
        migrations.AddIndex(
            model_name='passwordresetrequest',
            index=models.Index(fields=['asked_at'], name='reset_requests_by_time'),
        ),
        migrations.AddIndex(
            model_name='refreshtoken',
            index=models.Index(fields=['expires_at'], name='refresh_tokens_by_expiry'),
        ),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
