"""Activities: what agents did with a lead."""

from django.apps import AppConfig


class ActivitiesConfig(AppConfig):
    """The app that owns activities."""

    name = "activities"

    def ready(self) -> None:
        """Let imports of activities be undone wherever imports are, and imports of leads store notes."""
        from activities.follow_ups import handover  # noqa: F401  they need the models
        from activities.importing import notes, undo  # noqa: F401
