"""Which columns files of activities and follow-ups may have: our own exports', and those of other programs' lists."""

from crm_project.validation import MAX_BIGINT, integer
from leads.importing.cells import dates
from leads.importing.columns.column_schema import ColumnSchema


def lead_id(value: object) -> int:
    """Return the id of a lead."""
    return integer(value, 1, MAX_BIGINT)


# fmt: off
LEAD = {
    "lead_id": ("Lead ID", "Lead"),
    "lead_email": (
        "Lead Email", "Lead E-mail Address", "Email", "E-mail Address", "Contact Email", "Person - Email",
        "Person - Email - Work", "Email 1", "Primary Email",
    ),
    "lead_name": ("Lead Name", "Name", "Full Name", "Contact Name", "Contact person", "Person - Name"),
    "lead_phone": ("Lead Phone", "Phone", "Phone Number", "Contact Phone", "Mobile Phone", "Person - Phone"),
    "lead_created_at": (),
    "installation": (),
}
ACTIVITIES = ColumnSchema(
    noun="an activity",
    aliases={
        **LEAD,
        # "user_name" of our export is the author's name as it was; it counts only where nobody says the user name.
        "user": (
            "Username", "Agent", "Author", "Owner", "Activity Owner", "Activity assigned to", "Assigned To",
            "Assigned to user", "Created By", "Creator", "Logged By", "Completed By",
        ),
        "activity_type": ("Type", "Activity Type", "Activity - Type", "Engagement Type", "Kind", "Task Type"),
        "title": ("Title", "Subject", "Activity - Subject", "Summary", "Activity Title", "Task Name", "Event Name"),
        "notes": (
            "Notes", "Note", "Activity - Note", "Body", "Description", "Comments", "Comment", "Details", "Call Notes",
            "Message", "Email Body", "Meeting Notes",
        ),
        "duration": ("Duration", "Minutes", "Duration (minutes)", "Duration in minutes", "Call Duration (minutes)"),
        "activity_date": (
            "Activity Date", "Date", "Activity - Due date", "Due Date", "Done At", "Date Completed", "Completed At",
            "Completed Date", "Marked as done time", "Start Date", "When", "Timestamp",
        ),
        "created_at": (
            "Created At", "Created", "Create Date", "Created Date", "Date Created", "Created On", "Add Time",
            "Activity - Add time", "Date Added",
        ),
    },
    not_stored=(
        "id", "user_id", "Activity ID", "version", "import_line", "import_problems", "First Name", "Last Name",
        "Status", "Stage", "Priority", "Outcome", "Done", "Location", "Company", "Organization", "Deal", "Updated At",
    ),
    readers={
        "lead_id": lead_id,
        "lead_created_at": dates.timestamp,
        "activity_date": dates.day,
        "created_at": dates.timestamp,
    },
    dates=frozenset(("lead_created_at", "activity_date", "created_at")),
    telling=frozenset(("lead_id", "lead_email", "lead_phone")),
    nothing_telling="no column says whose an activity is (lead_id, lead_email, or lead_name and lead_phone)",
)
FOLLOW_UPS = ColumnSchema(
    noun="a follow-up",
    aliases={
        **LEAD,
        "title": ("Title", "Subject", "Task", "Task Name", "Follow-up", "Summary", "Description"),
        "kind": ("Kind", "Type", "Task Type"),
        "due_on": ("Due On", "Due Date", "Due", "Date", "Deadline"),
        "due_time": ("Due Time", "Time"),
        "assignee": ("Assignee", "Assigned To", "Assigned to user", "Agent", "Owner", "Task Owner"),
        "done_at": ("Done At", "Date Completed", "Completed At", "Completed Date", "Marked as done time"),
        "created_at": ("Created At", "Created", "Create Date", "Created Date", "Date Created", "Created On"),
        "user": ("Created By", "Creator", "Username", "Author"),
    },
    not_stored=("id", "activity_id", "version", "import_line", "import_problems", "Status", "Priority"),
    readers={
        "lead_id": lead_id,
        "lead_created_at": dates.timestamp,
        "due_on": dates.day,
        "done_at": dates.timestamp,
        "created_at": dates.timestamp,
    },
    dates=frozenset(("lead_created_at", "due_on", "done_at", "created_at")),
    telling=frozenset(("lead_id", "lead_email", "lead_phone")),
    nothing_telling="no column says whose a follow-up is (lead_id, lead_email, or lead_name and lead_phone)",
)
# fmt: on
