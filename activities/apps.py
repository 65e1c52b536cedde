"""Activities: what agents did with a lead."""

from django.apps import AppConfig


class ActivitiesConfig(AppConfig):
    """The app that owns activities."""

    name = "activities"

    def ready(self) -> None:
        """Let imports of activities be undone wherever imports are."""
        from activities.importing import undo  # noqa: F401  it needs the models
