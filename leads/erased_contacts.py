"""Digests of the addresses and numbers of erased people, so that an import does not store them again.

A digest is HMAC-SHA256 under a random key of this installation, truncated to 128 bits. The key is stored beside it:
only a person with access to the database can try out addresses and numbers. A slow hash would not help much, because
telephone numbers are few, and would make an import of a million rows take days. The key does not depend on
``SECRET_KEY``, which changes.
"""

import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from crm_project import validation
from leads.search_keys import phone_key

LENGTH = 16  # bytes of a digest, and of a key
MIN_PHONE = 7  # digits; shorter numbers are extensions


@dataclass(frozen=True)
class ErasedContacts:
    """All digests, in memory: 1 MB for 10,000 of them. False if there are none."""

    by_key: Mapping[bytes, frozenset[bytes]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_key)

    def include(self, email: str, phone: str) -> bool:
        """Return whether the address or the number is that of somebody who was erased."""
        contacts = _contacts(email, phone)
        return any(_digest(key, one) in digests for key, digests in self.by_key.items() for one in contacts)


class ErasedContactQuerySet(models.QuerySet["ErasedContact"]):
    """``ErasedContact.objects``."""

    def load(self) -> ErasedContacts:
        """Return all digests. One query."""
        by_key: dict[bytes, set[bytes]] = {}
        for key, digest in self.values_list("key", "digest"):
            by_key.setdefault(bytes(key), set()).add(bytes(digest))
        return ErasedContacts({key: frozenset(digests) for key, digests in by_key.items()})

    def remember(self, people: Iterable[tuple[str, str]]) -> None:
        """Store the digests of addresses and numbers, given as pairs."""
        contacts = {one for email, phone in people for one in _contacts(email, phone)}
        known = self.order_by("pk").values_list("key", flat=True).first()
        key = secrets.token_bytes(LENGTH) if known is None else bytes(known)
        rows = [ErasedContact(key=key, digest=_digest(key, one)) for one in sorted(contacts)]
        self.bulk_create(rows, batch_size=500, ignore_conflicts=True)

    def include(self, email: str, phone: str) -> bool:
        """Return whether the address or the number is that of somebody who was erased. Two queries."""
        return self._of(email, phone).exists()

    def forget(self, email: str, phone: str) -> None:
        """Delete the digests of an address and a number: a user adds the person again on purpose."""
        self._of(email, phone).delete()

    def _of(self, email: str, phone: str) -> "ErasedContactQuerySet":
        keys = self.order_by().values_list("key", flat=True).distinct()
        return self.filter(digest__in=[_digest(bytes(key), one) for key in keys for one in _contacts(email, phone)])


class ErasedContact(models.Model):
    """An address or a number of a person who was erased, as a digest; ``key`` is the same in all rows."""

    key = models.BinaryField(max_length=LENGTH)
    digest = models.BinaryField(max_length=LENGTH)
    erased_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Any] = ErasedContactQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["digest"], name="erased_contacts_once")]

    def __str__(self) -> str:
        return f"erased contact {self.pk}"


def _contacts(email: str, phone: str) -> list[bytes]:
    """Return the normalized address and number, without empty ones and numbers below ``MIN_PHONE`` digits."""
    contacts = [b"email:" + validation.normalized_key(email).encode()] if email else []
    if phone and sum(map(str.isdigit, phone)) >= MIN_PHONE and (number := phone_key(phone)):
        contacts.append(b"phone:" + number.encode())
    return contacts


def _digest(key: bytes, contact: bytes) -> bytes:
    return hmac.digest(key, contact, "sha256")[:LENGTH]
