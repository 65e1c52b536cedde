"""Append-only tables, such as audit logs: rows are added, and never changed or deleted."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from django.db import models

Changes = dict[str, list[Any]]  # by field: the value before, the value after
ModelT = TypeVar("ModelT", bound=models.Model, covariant=True)


class ImmutableRecord(Exception):
    """A row of an append-only table was about to be changed or deleted."""


class AppendOnlyQuerySet(models.QuerySet[ModelT]):
    """The base of the querysets of append-only tables, whose column ``changes`` contains ``Changes``.

    ``overwrite`` and ``rewrite_changes`` erase personal data. They are the only exceptions to ``ImmutableRecord``.
    """

    def update(self, **values: Any) -> NoReturn:
        """Raise ``ImmutableRecord``."""
        raise ImmutableRecord(f"{self.model._meta.label} is append-only")

    def delete(self) -> NoReturn:
        """Raise ``ImmutableRecord``."""
        raise ImmutableRecord(f"{self.model._meta.label} is append-only")

    def overwrite(self, **values: Any) -> int:
        """Store ``values`` in these rows, and return the number of rows."""
        return super().update(**values)

    def rewrite_changes(self, rewrite: Callable[[Changes], Changes]) -> int:
        """Store ``rewrite(changes)`` in each row where it differs, and return the number of these rows."""
        rows = self.order_by().values_list("pk", "changes").iterator()
        rewritten = [(pk, new) for pk, changes in rows if (new := rewrite(changes)) != changes]
        for pk, new in rewritten:
            type(self)(self.model).filter(pk=pk).overwrite(changes=new)
        return len(rewritten)


class AppendOnlyModel(models.Model):
    """The base of the models of append-only tables."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert a new row, or raise ``ImmutableRecord`` for a stored one."""
        if not self._state.adding:
            raise ImmutableRecord(f"{self._meta.label} is append-only")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise ``ImmutableRecord``."""
        raise ImmutableRecord(f"{self._meta.label} is append-only")


def unconstrained_foreign_key(to: type[models.Model] | str) -> "models.ForeignKey[Any, Any]":
    """Return a foreign key that the database neither checks nor indexes: an entry outlives its target."""
    return models.ForeignKey(
        to, on_delete=models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
