"""Activities: what agents did with a lead."""

from django.apps import AppConfig


class ActivitiesConfig(AppConfig):
    """The app that owns activities."""

    name = "activities"
