"""The named queries of activities, and logging."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.utils import timezone

from activities import limits, writing
from crm_project.db import bulk
from leads.models import Lead
from users.audit import Channel
from users.models import User

if TYPE_CHECKING:
    from activities.models import Activity


class ActivityQuerySet(models.QuerySet["Activity"]):
    """``Activity.objects``."""

    def of_lead(self, lead_id: int) -> Self:
        """Return the activities of one lead."""
        return self.filter(lead_id=lead_id)

    def of_leads(self, lead_ids: Sequence[int]) -> Self:
        """Return the activities of these leads."""
        return self.filter(lead_id__in=lead_ids)

    def of_active_leads(self) -> Self:
        """Return the activities of leads that are not softly deleted."""
        return self.filter(lead__is_active=True)

    def latest_first(self) -> Self:
        """Order by the day of the activity, then by the time of logging, latest first."""
        return self.order_by("-activity_date", "-created_at", "-id")

    def log(
        self, lead_id: int, user: User, rows: Sequence[dict[str, Any]], channel: Channel, program: str = ""
    ) -> "list[Activity]":
        """Store activities of ``user`` with an active lead and count them there, all or nothing.

        Raises ``Lead.DoesNotExist`` if there is no such active lead, ``LeadFull`` if it cannot have so many.
        """
        author = {
            "user_id": user.pk,
            "user_name": user.name,
            "channel": channel.value,
            "program": program or None,
        }
        common = {"lead_id": lead_id, "created_at": timezone.now(), **author}
        activities = [self.model(**row, **common) for row in rows]
        if len(activities) == 1:
            writing.insert(activities[0], lead_id)
            return activities
        with transaction.atomic():
            count = Lead.objects.count_activities(lead_id, len(activities))  # locks its row, see ``writing``
            if not count:
                raise Lead.DoesNotExist
            limits.check([lead_id], count - len(rows), rows)
            bulk.insert(self.model, [vars(activity) for activity in activities])
        return activities
