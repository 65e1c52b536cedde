"""The tables of leads and imports, and the triggers that keep the dashboard's counts."""

from typing import Any

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.utils.timezone
import crm_project.db.change_time
import leads.indexes
from django.conf import settings
from django.db import migrations, models


# What each event adds to the counts: the new rows, less the old ones. ``lead`` rows are those of the statement.
EVENTS = {
    "insert": ("REFERENCING NEW TABLE AS new_leads", "SELECT 1 AS sign, * FROM new_leads"),
    "delete": ("REFERENCING OLD TABLE AS old_leads", "SELECT -1 AS sign, * FROM old_leads"),
    "update": (
        "REFERENCING NEW TABLE AS new_leads OLD TABLE AS old_leads",
        "SELECT 1 AS sign, * FROM new_leads UNION ALL SELECT -1, * FROM old_leads",
    ),
}
COUNT = """
INSERT INTO leads_leadcount (kind, status, day, leads, activities)
WITH lead AS ({rows}), counted AS (
    SELECT 'status' AS kind, status, NULL::date AS day, sign, sign * activity_count AS activities
    FROM lead WHERE is_active
    UNION ALL
    SELECT 'created', '', (created_at AT TIME ZONE 'UTC')::date, sign, 0 FROM lead WHERE is_active
    UNION ALL
    SELECT 'closed', '', (closed_at AT TIME ZONE 'UTC')::date, sign, 0
    FROM lead WHERE is_active AND status = 'closed' AND closed_at IS NOT NULL
)
SELECT kind, status, day, sum(sign), sum(activities) FROM counted
GROUP BY kind, status, day HAVING sum(sign) <> 0 OR sum(activities) <> 0;
"""
# Rows that another transaction is folding just now are left to it, so that nobody waits.
FOLD = """
CREATE FUNCTION leads_fold_counts() RETURNS void LANGUAGE sql AS $$
    WITH piled AS (
        SELECT kind, status, day FROM leads_leadcount GROUP BY kind, status, day HAVING count(*) > 1
    ), chosen AS (
        SELECT one.id FROM leads_leadcount AS one JOIN piled
        ON one.kind = piled.kind AND one.status = piled.status AND one.day IS NOT DISTINCT FROM piled.day
        FOR UPDATE OF one SKIP LOCKED
    ), gone AS (
        DELETE FROM leads_leadcount WHERE id IN (SELECT id FROM chosen) RETURNING *
    )
    INSERT INTO leads_leadcount (kind, status, day, leads, activities)
    SELECT kind, status, day, sum(leads), sum(activities) FROM gone
    GROUP BY kind, status, day HAVING sum(leads) <> 0 OR sum(activities) <> 0;
$$;
"""
FUNCTION = """
CREATE FUNCTION leads_count_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {count}
    IF random() < 0.01 THEN
        PERFORM leads_fold_counts();
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER leads_count_{event} AFTER {event} ON leads_lead {tables}
FOR EACH STATEMENT EXECUTE FUNCTION leads_count_{event}();
"""
TRUNCATE = """
CREATE FUNCTION leads_count_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM leads_leadcount;
    RETURN NULL;
END
$$;
CREATE TRIGGER leads_count_truncate AFTER TRUNCATE ON leads_lead
FOR EACH STATEMENT EXECUTE FUNCTION leads_count_truncate();
"""


def create_change_time_triggers(apps: Any, schema_editor: Any) -> None:
    """Create the triggers that set the time of a lead's last change."""
    crm_project.db.change_time.create_triggers(schema_editor.connection, "leads_lead")


def drop_change_time_triggers(apps: Any, schema_editor: Any) -> None:
    """Drop them."""
    crm_project.db.change_time.drop_triggers(schema_editor.connection, "leads_lead")


def create_triggers(apps: Any, schema_editor: Any) -> None:
    """Create the statement triggers that keep the dashboard's counts on PostgreSQL."""
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute(FOLD, params=None)
    for event, (tables, rows) in EVENTS.items():
        count = COUNT.format(rows=rows)
        schema_editor.execute(FUNCTION.format(event=event, tables=tables, count=count), params=None)
    schema_editor.execute(TRUNCATE, params=None)
    # Folded rows are dead at once; the table is read whole, so it is to stay small.
    schema_editor.execute(
        "ALTER TABLE leads_leadcount SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0)",
        params=None,
    )


def drop_triggers(apps: Any, schema_editor: Any) -> None:
    """Drop the triggers; the table goes with its model."""
    if schema_editor.connection.vendor == "postgresql":
        for event in (*EVENTS, "truncate"):
            schema_editor.execute(f"DROP TRIGGER leads_count_{event} ON leads_lead")
            schema_editor.execute(f"DROP FUNCTION leads_count_{event}()")
        schema_editor.execute("DROP FUNCTION leads_fold_counts()")


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        leads.indexes.Trigrams(),
        migrations.CreateModel(
            name='Author',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=301)),
                ('user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ImportRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(default='leads', max_length=16)),
                ('started_by', models.CharField(blank=True, max_length=150)),
                ('file_name', models.CharField(max_length=255)),
                ('sha256', models.CharField(db_index=True, max_length=64)),
                ('options', models.JSONField(default=dict)),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('dry', 'Dry run'), ('refused', 'Rejected'), ('undone', 'Undone')], default='running', max_length=16)),
                ('read', models.PositiveIntegerField(default=0)),
                ('created', models.PositiveIntegerField(default=0)),
                ('updated', models.PositiveIntegerField(default=0)),
                ('skipped', models.PositiveIntegerField(default=0)),
                ('rejected', models.PositiveIntegerField(default=0)),
                ('problem_count', models.PositiveIntegerField(default=0)),
                ('problems', models.JSONField(default=list)),
                ('message', models.TextField(blank=True)),
                ('notes', models.JSONField(default=list)),
                ('process', models.CharField(blank=True, max_length=200)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('undone_at', models.DateTimeField(blank=True, null=True)),
                ('undone_by', models.CharField(blank=True, max_length=150)),
                ('undo_report', models.JSONField(default=dict)),
                ('undone_by_user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'import',
                'ordering': ('-id',),
                'permissions': (('import_leads', 'Can import leads'), ('undo_import', 'Can undo an import')),
            },
        ),
        migrations.CreateModel(
            name='Lead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first_name', models.CharField(blank=True, max_length=150)),
                ('last_name', models.CharField(blank=True, max_length=150)),
                ('email', models.CharField(blank=True, max_length=254)),
                ('phone', models.CharField(blank=True, max_length=64)),
                ('status', models.CharField(default='new', max_length=32)),
                ('source', models.CharField(blank=True, default='website', max_length=64)),
                ('budget_min', models.BigIntegerField(blank=True, null=True)),
                ('budget_max', models.BigIntegerField(blank=True, null=True)),
                ('property_interest', models.TextField(blank=True, null=True, verbose_name='interested in')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('activity_count', models.IntegerField(default=0, editable=False, verbose_name='activities')),
                ('version', models.IntegerField(default=1, editable=False)),
                ('closed_at', models.DateTimeField(editable=False, null=True)),
                ('search', models.TextField(default='', editable=False)),
                ('source_key', models.CharField(default='', editable=False, max_length=200)),
                ('email_key', models.CharField(default='', editable=False, max_length=200)),
                ('person_key', models.CharField(default='', editable=False, max_length=200)),
                ('name_key', leads.indexes.SortKeyField(db_default='', default='', editable=False, max_length=200)),
                ('change_time', crm_project.db.change_time.ChangeTimeField()),
                ('created_channel', models.CharField(choices=[('api', 'API'), ('admin', 'Back office'), ('import', 'Import'), ('cli', 'Command line')], editable=False, max_length=8, null=True)),
                ('created_by', models.ForeignKey(db_constraint=False, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='leads.author')),
                ('import_run', models.ForeignKey(db_constraint=False, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, to='leads.importrun')),
                ('merged_into', models.ForeignKey(db_constraint=False, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='leads.lead')),
            ],
            options={
                'ordering': ('-created_at', '-id'),
                'permissions': (('export_leads', 'Can export leads'), ('merge_leads', 'Can merge leads')),
            },
        ),
        migrations.CreateModel(
            name='ImportUpdate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.IntegerField()),
                ('before', models.JSONField()),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='updates', to='leads.importrun')),
                ('lead', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='leads.lead')),
            ],
        ),
        migrations.CreateModel(
            name='LeadChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('created', 'Created'), ('changed', 'Changed'), ('deleted', 'Deleted'), ('restored', 'Restored'), ('undone', 'Undone'), ('merged', 'Merged'), ('activity_changed', 'Activity Changed'), ('activity_deleted', 'Activity Deleted')], max_length=16)),
                ('changes', models.JSONField(default=dict)),
                ('channel', models.CharField(choices=[('api', 'API'), ('admin', 'Back office'), ('import', 'Import'), ('cli', 'Command line')], max_length=8)),
                ('user_name', models.CharField(max_length=301)),
                ('import_run', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='leads.importrun')),
                ('lead', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='changes', to='leads.lead')),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='LeadCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('status', 'Status'), ('created', 'Created'), ('closed', 'Closed')], max_length=8)),
                ('status', models.CharField(blank=True, max_length=32)),
                ('day', models.DateField(null=True)),
                ('leads', models.BigIntegerField()),
                ('activities', models.BigIntegerField()),
            ],
            options={
                'ordering': ('id',),
                'indexes': [models.Index(fields=['kind', 'day'], name='counts_by_kind')],
            },
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'running'), ('read', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('created'), '+', models.F('updated')), '+', models.F('skipped')), '+', models.F('rejected'))), _connector='OR'), name='import_runs_account_for_every_row'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('is_active', True)), fields=['-created_at', '-id'], name='leads_newest'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('is_active', False)), fields=['-created_at', '-id'], name='leads_deleted'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('is_active', True)), fields=['status', '-created_at', '-id'], name='leads_by_status'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('is_active', True)), fields=['source_key', '-created_at', '-id'], name='leads_by_source'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('is_active', True)), fields=['updated_at', 'id'], name='leads_updated'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('is_active', False)), fields=['updated_at', 'id'], name='leads_deleted_updated'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('is_active', True)), fields=['name_key', 'id'], name='leads_named'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('is_active', False)), fields=['name_key', 'id'], name='leads_deleted_named'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('change_time__isnull', False)), fields=['change_time'], name='leads_changed'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('created_by__isnull', False), ('is_active', True)), fields=['created_by', '-created_at', '-id'], name='leads_by_author'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('closed_at__isnull', False), ('is_active', True)), fields=['closed_at'], name='leads_closed'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(django.db.models.functions.comparison.Coalesce('budget_max', 'budget_min'), name='leads_higher_budget'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(django.db.models.functions.comparison.Coalesce('budget_min', 'budget_max'), name='leads_lower_budget'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('is_active', True), models.Q(('email_key', ''), _negated=True)), fields=['email_key'], name='leads_email_key'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('is_active', True), models.Q(('person_key', ''), _negated=True)), fields=['person_key'], name='leads_person_key'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('import_run__isnull', False)), fields=['import_run'], name='leads_by_import_run'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('merged_into__isnull', False)), fields=['merged_into'], name='leads_merged_into'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=leads.indexes.CountingIndex(condition=models.Q(('is_active', True)), fields=['status', 'created_at', 'closed_at', 'activity_count', 'is_active'], name='leads_counted'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=leads.indexes.TrigramIndex(condition=models.Q(('is_active', True)), fields=['search'], name='leads_search', opclasses=['gin_trgm_ops']),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('status', ''), _negated=True), name='leads_status_not_empty'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('budget_min__gte', 0)), name='leads_budget_min_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('budget_max__gte', 0)), name='leads_budget_max_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('budget_min__lte', models.F('budget_max'))), name='leads_budgets_in_order'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('activity_count__gte', 0)), name='leads_activity_count_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='lead',
            constraint=models.CheckConstraint(condition=models.Q(('merged_into', None), ('is_active', False), _connector='OR'), name='leads_merged_are_deleted'),
        ),
        migrations.AddConstraint(
            model_name='importupdate',
            constraint=models.UniqueConstraint(fields=('run', 'lead'), name='import_updates_once_a_lead'),
        ),
        migrations.AddIndex(
            model_name='leadchange',
            index=models.Index(fields=['lead', '-id'], name='changes_of_lead'),
        ),
        migrations.RunPython(create_triggers, drop_triggers),
        migrations.RunPython(create_change_time_triggers, drop_change_time_triggers),
    ]
