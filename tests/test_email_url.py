"""``EMAIL_URL`` and ``EMAIL_FROM``: valid values, and errors at the start."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from crm_project import email_url
from tests.live import settings_of

SMTP, DUMMY = "django.core.mail.backends.smtp.EmailBackend", "django.core.mail.backends.dummy.EmailBackend"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", {"EMAIL_BACKEND": DUMMY, "EMAIL_TIMEOUT": 5}),
        ("console:", {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}),
        (
            "submission://crm:p%40ss@mail.example.com",
            {
                "EMAIL_BACKEND": SMTP,
                "EMAIL_HOST": "mail.example.com",
                "EMAIL_PORT": 587,
                "EMAIL_HOST_USER": "crm",
                "EMAIL_HOST_PASSWORD": "p@ss",
                "EMAIL_USE_TLS": True,
                "EMAIL_USE_SSL": False,
                "EMAIL_TIMEOUT": 5,
            },
        ),
        ("smtp://mail.example.com:465?ssl=true", {"EMAIL_USE_SSL": True, "EMAIL_USE_TLS": False, "EMAIL_PORT": 465}),
        ("smtp://127.0.0.1", {"EMAIL_USE_TLS": False, "EMAIL_PORT": 25, "EMAIL_HOST_USER": None}),
        ("smtp://127.0.0.1:2525?timeout=9", {"EMAIL_PORT": 2525, "EMAIL_TIMEOUT": 9}),
    ],
)
def test_mail_servers(url: str, expected: dict[str, Any]) -> None:
    settings = email_url.parse(url)
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "smtp:",
        "smtp://",
        "smtps://u:hunter2@mail.example.com",
        "file:///tmp/hunter2",
        "http://hunter2.example.com",
        "smtp://u:hunter2@mail.example.com:port",
        "smtp://u:hunter2@mail.example.com:99999",
        "smtp://u:hunter2@mail.example.com?timeout=hunter2",
        "smtp://u:hunter2@mail.example.com?timeout=0",
        "smtp://u:hunter2@mail.example.com?timeout=-1",
    ],
)
def test_others_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        email_url.parse(url)
    assert "hunter2" not in str(refused.value)


def test_the_settings_have_it() -> None:
    names = ("EMAIL_BACKEND", "EMAIL_HOST", "DEFAULT_FROM_EMAIL", "EMAIL_TIMEOUT")
    settings = settings_of(EMAIL_URL="smtp://mail.example.com", EMAIL_FROM="Real Estate CRM <crm@example.com>")
    assert [settings[name] for name in names] == [SMTP, "mail.example.com", "Real Estate CRM <crm@example.com>", 5]
    assert settings_of()["EMAIL_BACKEND"] == DUMMY


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"EMAIL_URL": "ftp://u:hunter2@mail.example.com", "EMAIL_FROM": "crm@example.com"}, "EMAIL_URL"),
        ({"EMAIL_URL": "smtp://u:hunter2@mail.example.com"}, "EMAIL_FROM"),
        ({"EMAIL_URL": "smtp://u:hunter2@mail.example.com", "EMAIL_FROM": "nobody"}, "EMAIL_FROM"),
        ({"EMAIL_URL": "console:", "EMAIL_FROM": "a@example.com\nBcc: b@example.com"}, "EMAIL_FROM"),
    ],
)
def test_a_malformed_one_stops_the_start(variables: dict[str, str], name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f'Environment variable "{name}" invalid') as refused:
        settings_of(**variables)
    assert "hunter2" not in str(refused.value)
