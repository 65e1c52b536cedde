"""All questions about activities, by name, and the only way to write them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.utils import timezone

from leads.importing import load
from leads.models import Lead

if TYPE_CHECKING:
    from activities.models import Activity
    from users.models import User


class ActivityQuerySet(models.QuerySet["Activity"]):
    """``Activity.objects``."""

    def of_lead(self, lead_id: int) -> Self:
        """One lead's activities."""
        return self.filter(lead_id=lead_id)

    def of_active_leads(self) -> Self:
        """Activities whose lead is not softly deleted."""
        return self.filter(lead__is_active=True)

    def latest_first(self) -> Self:
        """By the day they were done, then by when they were written down."""
        return self.order_by("-activity_date", "-created_at", "-id")

    def log(self, lead_id: int, user: "User", rows: Sequence[dict[str, Any]]) -> "list[Activity]":
        """Store what ``user`` did with an active lead and count it there, all or nothing.

        Raises ``Lead.DoesNotExist`` where there is no such active lead.
        """
        common = {"lead_id": lead_id, "user_id": user.pk, "user_name": user.name, "created_at": timezone.now()}
        activities = [self.model(**row, **common) for row in rows]
        with transaction.atomic():
            # Counting first locks the lead's row, so that writers of one lead queue up and nobody deletes it meanwhile.
            if not Lead.objects.count_activities(lead_id, len(activities)):
                raise Lead.DoesNotExist
            if len(activities) == 1:
                activities[0].save(force_insert=True)
            else:
                load.insert(self.model, activities)
        return activities
