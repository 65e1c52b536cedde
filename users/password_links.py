"""One-time links to set a password, created by managers or sent by email on request.

A link is signed and not stored. It is valid for a day, and becomes invalid if the password, user name, address or
``token_version`` changes; a deactivation and a log-out everywhere change the last. A link that a manager created also
contains the manager's id, and is valid only while that manager may change the account: a link from before the account
got more permissions does not grant them.
"""

import json
from threading import Thread

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.signing import BadSignature, TimestampSigner
from django.db import transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from crm_project.events import event
from users import permissions
from users.audit import Action, Channel, log_account_event
from users.models import User

SUBJECT = "Set your password for Real Estate CRM"
THREAD_NAME = "password-mail"
NO_MANAGER = 0  # in place of a manager's id: only the user got the link


class PasswordLinkTokens:
    """Creates and checks the tokens of links, with the interface that Django's password views expect."""

    def make_token(self, user: User, manager: User | None) -> str:
        """Return a token for ``user``, created by ``manager`` if any."""
        return _signer(user).sign(str(manager.pk if manager else NO_MANAGER))

    def check_token(self, user: User | None, token: str | None) -> bool:
        """Return whether the token is valid for the user as stored now."""
        if user is None or not token or not user.is_active:
            return False
        try:
            manager_id = int(_signer(user).unsign(token, max_age=settings.PASSWORD_RESET_TIMEOUT))
        except (BadSignature, ValueError):
            return False
        return manager_id == NO_MANAGER or _may_change(manager_id, user)


def _signer(user: User) -> TimestampSigner:
    state = json.dumps([user.pk, user.password, user.token_version, user.username, user.email])
    return TimestampSigner(sep=".", salt=f"users.password_links:{state}")


def _may_change(manager_id: int, user: User) -> bool:
    manager = User.objects.filter(pk=manager_id, is_staff=True).first()
    return manager is not None and manager.has_perm("users.change_user") and permissions.may_change(manager, user)


def link_to_set_password(request: HttpRequest, user: User, manager: User | None = None) -> str:
    """Return the link, with the host of the request, which is in ``ALLOWED_HOSTS``."""
    token = PasswordLinkTokens().make_token(user, manager)
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return request.build_absolute_uri(reverse("admin:set_password", kwargs={"uidb64": uid, "token": token}))


def set_password_by_link(user: User, password: str) -> bool:
    """Set the password and revoke all tokens and sessions. Return ``False`` if the account has changed since.

    Of two requests with the same link, only one sets a password.
    """
    with transaction.atomic():
        if not User.objects.change_password(user, password):
            return False
        log_account_event(Action.PASSWORD_SET, actor=user, target=user, channel=Channel.ADMIN)
    event("password_set_by_link", owner_id=user.pk)
    return True


def mail_is_set() -> bool:
    """Return whether a mail server is configured."""
    return bool(settings.EMAIL_URL)


def message_with_link(user: User, link: str) -> EmailMessage:
    """Return the email with a link for its user."""
    context = {"user": user, "link": link, "hours": settings.PASSWORD_RESET_TIMEOUT // 3600}
    return EmailMessage(SUBJECT, render_to_string("users/password_link_mail.txt", context), to=[user.email])


def send(message: EmailMessage) -> bool:
    """Send a message; log an event and return ``False`` if the mail server rejects it."""
    try:
        message.send()
    except (OSError, ValueError) as error:  # SMTPException is an OSError; an invalid address is a ValueError
        event("mail_failed", reason=type(error).__name__)
        return False
    return True


def send_in_background(message: EmailMessage) -> None:
    """Send a message without waiting, so that the response time does not show whether there is an account."""
    Thread(target=send, args=(message,), name=THREAD_NAME, daemon=True).start()
