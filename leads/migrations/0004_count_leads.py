from typing import Any

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


def keep_counts(apps: Any, schema_editor: Any) -> None:
    """Make the triggers, then count what is there: they lock out writers until the end of the migration."""
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute(FOLD, params=None)
    for event, (tables, rows) in EVENTS.items():
        count = COUNT.format(rows=rows)
        schema_editor.execute(FUNCTION.format(event=event, tables=tables, count=count), params=None)
    schema_editor.execute(TRUNCATE, params=None)
    schema_editor.execute(COUNT.format(rows="SELECT 1 AS sign, * FROM leads_lead"), params=None)
    # Folded rows are dead at once; the table is read whole, so it is to stay small.
    schema_editor.execute(
        "ALTER TABLE leads_leadcount SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0)",
        params=None,
    )


def drop_counts(apps: Any, schema_editor: Any) -> None:
    """Drop the triggers; the table goes with its model."""
    if schema_editor.connection.vendor == "postgresql":
        for event in (*EVENTS, "truncate"):
            schema_editor.execute(f"DROP TRIGGER leads_count_{event} ON leads_lead")
            schema_editor.execute(f"DROP FUNCTION leads_count_{event}()")
        schema_editor.execute("DROP FUNCTION leads_fold_counts()")


class Migration(migrations.Migration):
    dependencies = [
        ("leads", "0003_index_budgets"),
    ]

    operations = [
        migrations.CreateModel(
            name="LeadCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("status", "Status"), ("created", "Created"), ("closed", "Closed")], max_length=8
                    ),
                ),
                ("status", models.CharField(blank=True, max_length=32)),
                ("day", models.DateField(null=True)),
                ("leads", models.BigIntegerField()),
                ("activities", models.BigIntegerField()),
            ],
            options={"ordering": ("id",)},
        ),
        migrations.RunPython(keep_counts, drop_counts),
    ]
