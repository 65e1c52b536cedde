"""What the account of a takeover from the earlier server holds of somebody goes with them."""

import pytest

from leads.models import ImportRun
from tests.admin.conftest import upload_dir as upload_dir
from tests.factories import make_activity, make_lead
from tests.legacy.conftest import loose as loose
from tests.legacy.earlier import Earlier, import_legacy, lead, user
from tests.security.test_personal_data import EMAIL, everything, exported, run
from users.models import User

pytestmark = pytest.mark.django_db


def test_what_was_mended_on_the_way_from_the_earlier_server(loose: Earlier) -> None:
    loose.add("leads", lead(**{"id": 20, "email": EMAIL, "phone": "Z" * 65}), lead(**{"id": 21, "phone": "Y" * 65}))
    loose.add("users", user(id=20, username="Zq", email=EMAIL + " x"), user(id=21, username="AGENT1"))
    import_legacy(loose.url, "--fix")
    User.objects.filter(pk=20).update(email=EMAIL, email_key=EMAIL.lower())
    assert len(exported()["problems_of_imports"]) == 3
    told = ImportRun.objects.get().problems
    run("erase_person", EMAIL, "--yes")
    left = ImportRun.objects.get().problems
    theirs = [one for one in told if one["id"] == 20]
    assert [one for one in left if one["id"] != 20] == [one for one in told if one["id"] != 20] != []
    assert [(one["before"], one["after"]) for one in left if one["id"] == 20] == [("erased", "erased")] * len(theirs)
    assert "zzzz" not in everything()


@pytest.mark.parametrize("tried", [("--fix", "--dry-run"), ()])
def test_what_was_told_before_the_earlier_server_was_taken_over(loose: Earlier, tried: tuple[str, ...]) -> None:
    loose.add("leads", lead(id=20, email=EMAIL, phone="Zither" * 12))
    import_legacy(loose.url, *tried, code=0 if tried else 1)
    import_legacy(loose.url, "--fix")
    assert len(exported()["problems_of_imports"]) == 2
    run("erase_person", EMAIL, "--yes")
    assert "zither" not in everything()


def test_what_the_earlier_server_had_and_was_refused(loose: Earlier) -> None:
    loose.add("leads", lead(id=20, email=EMAIL + " x"), lead(id=21, email="y@"))
    import_legacy(loose.url, code=1)
    make_lead(email=EMAIL)
    run("erase_person", EMAIL, "--yes")
    assert [problem["value"] for problem in ImportRun.objects.get().problems] == ["erased", "y@"]


def test_activities_of_the_earlier_server_go_by_their_lead(loose: Earlier) -> None:
    import_legacy(loose.url)
    theirs = make_lead(email=EMAIL)
    make_activity(theirs, User.objects.get(pk=1), title="Zither")
    account = ImportRun.objects.get()
    told = {"table": "activities", "column": "title", "after": "call", "reason": "blank"}
    problems = [
        {**told, "id": theirs.activities.get().pk, "before": "zither"},
        {**told, "id": 3, "before": "other"},
        {**told, "id": "no number", "before": "other"},
    ]
    ImportRun.objects.filter(pk=account.pk).update(problems=problems)
    run("erase_person", EMAIL, "--yes")
    assert [one["before"] for one in ImportRun.objects.get().problems] == ["erased", "other", "other"]
