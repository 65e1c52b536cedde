"""The handover of the open leads of a user who leaves."""

from leads.models import Lead
from leads.querysets import LeadQuerySet
from users.audit import Actor
from users.handover import HOLDINGS, Holding


def _open_leads(user_id: int) -> LeadQuerySet:
    leads: LeadQuerySet = Lead.objects.active().open().owned_by(user_id)
    return leads


def _hand_over(user_id: int, to_user: int | None, actor: Actor) -> int:
    return _open_leads(user_id).update_leads("owner_id", to_user, actor)


HOLDINGS.append(Holding("open leads", lambda user_id: _open_leads(user_id).count(), _hand_over))
