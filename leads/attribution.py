"""The authors of leads: a row for each account and name, which the leads that it created point to.

The name is stored once, so that erasing an account does not rewrite the leads that it created.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models, transaction

from crm_project.db import sql
from users.audit import Actor
from users.models import User

AUTHOR = "created_by_id"  # the column of a lead that holds an author's id
ACCOUNT = "SELECT id AS created_by_id FROM leads_author WHERE user_id = %s AND name = %s ORDER BY id LIMIT 1"
OPERATOR = "SELECT id AS created_by_id FROM leads_author WHERE user_id IS NULL AND name = %s ORDER BY id LIMIT 1"


class Author(models.Model):
    """An account, or an operator without one (``user`` is empty then), under one name."""

    # No constraint: what was done stays done when its author's account is gone.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    name = models.CharField(max_length=301)

    objects: ClassVar = models.Manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


def author_of(actor: Actor) -> int:
    """Return the id of the author for ``actor``, who is stored if new. Raises Django's database errors.

    The account's row is locked first: if the account is being erased, the author has the name after that. Two writers
    that start at once may store an operator twice.
    """
    if not (found := sql.fetch(*author_query(actor))):
        with transaction.atomic():
            user = User.objects.filter(pk=actor.user_id or 0).select_for_update().first()
            now = actor.named(user.name) if user else actor
            if not (found := sql.fetch(*author_query(now))):
                return int(Author.objects.create(user_id=now.user_id, name=now.name).pk)
    return int(found[0][0])


def author_query(actor: Actor) -> sql.Query:
    """Return the query for the author's id, which has no row if there is none."""
    return (OPERATOR, [actor.name]) if actor.user_id is None else (ACCOUNT, [actor.user_id, actor.name])
