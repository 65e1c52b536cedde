"""The handover of the open follow-ups of a user who leaves."""

from activities.models import FollowUp
from users.handover import HOLDINGS, Holding

HOLDINGS.append(
    Holding(
        "open follow-ups",
        lambda user_id: FollowUp.objects.open().of_active_leads().filter(assignee=user_id).count(),
        lambda user_id, to_user, actor: FollowUp.objects.hand_over(user_id, to_user, actor),
    )
)
