"""``manage.py prune`` deletes expired failures, registrations and refresh tokens."""

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.factories import make_user
from users.models import LoginFailure, RefreshToken, Registration

pytestmark = pytest.mark.django_db


def prune() -> str:
    out = io.StringIO()
    call_command("prune", stdout=out)
    return out.getvalue()


def test_what_counts_no_more_goes_and_the_rest_stays() -> None:
    now = timezone.now()
    for minutes in (14, 16):
        LoginFailure.objects.create(name="x", address="x", failed_at=now - timedelta(minutes=minutes))
    for minutes in (59, 61):
        Registration.objects.create(address="x", made_at=now - timedelta(minutes=minutes))
    output = prune()
    assert "failed logins: 1 deleted" in output
    assert "registrations counted: 1 deleted" in output
    assert LoginFailure.objects.get().failed_at == now - timedelta(minutes=14)
    assert Registration.objects.get().made_at == now - timedelta(minutes=59)


def test_a_family_stays_as_long_as_its_access_tokens_may() -> None:
    now, user = timezone.now(), make_user()
    for hours in (-1, 23, 25):
        RefreshToken.objects.create(
            family=uuid4(), user=user, token_version=1, digest="x", expires_at=now - timedelta(hours=hours)
        )
    assert "refresh tokens: 1 deleted" in prune()
    assert sorted(RefreshToken.objects.values_list("expires_at", flat=True)) == [
        now - timedelta(hours=23),
        now + timedelta(hours=1),
    ]
