"""One-time links with which people choose their own password: made by managers, or mailed on request.

A link is signed, not stored. It works for a day and ends with whatever it was signed over: the password, the user name
and address, and ``token_version``, which every password change, deactivation and log-out everywhere raises. A link that
a manager made also names the manager, and works only while that manager may change the account: nobody gets into an
account through a link that was made before the account was given more rights.
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
SENDER = "password-mail"  # the name of the thread that sends
NOBODY = 0  # in place of a manager's id: the link was mailed to the user alone


class PasswordLinkTokens:
    """Makes and checks the tokens of links; what Django's view of such links asks of a token generator."""

    def make_token(self, user: User, maker: User | None) -> str:
        """Return a token with which ``user`` can set a password; ``maker`` is the manager who will see it."""
        return _signer(user).sign(str(maker.pk if maker else NOBODY))

    def check_token(self, user: User | None, token: str | None) -> bool:
        """Return whether the token is good for the user, as stored now."""
        if user is None or not token or not user.is_active:
            return False
        try:
            maker_id = int(_signer(user).unsign(token, max_age=settings.PASSWORD_RESET_TIMEOUT))
        except (BadSignature, ValueError):
            return False
        return maker_id == NOBODY or _may_change(maker_id, user)


def _signer(user: User) -> TimestampSigner:
    state = json.dumps([user.pk, user.password, user.token_version, user.username, user.email])
    return TimestampSigner(sep=".", salt=f"users.password_links:{state}")


def _may_change(maker_id: int, user: User) -> bool:
    maker = User.objects.filter(pk=maker_id, is_staff=True).first()
    return maker is not None and maker.has_perm("users.change_user") and permissions.reaches(maker, user)


def link_to_set_password(request: HttpRequest, user: User, maker: User | None = None) -> str:
    """Return the link, under the host that was asked, which ``ALLOWED_HOSTS`` names."""
    token = PasswordLinkTokens().make_token(user, maker)
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return request.build_absolute_uri(reverse("admin:set_password", kwargs={"uidb64": uid, "token": token}))


def set_password_by_link(user: User, password: str) -> bool:
    """Set the password and end all sessions and tokens; false where the account has changed since it was read.

    So of two requests with one link, only one sets a password.
    """
    with transaction.atomic():
        if not User.objects.change_password(user, password):
            return False
        log_account_event(Action.PASSWORD_SET, actor=user, target=user, channel=Channel.ADMIN)
    event("password_set_by_link", owner_id=user.pk)
    return True


def mail_is_set() -> bool:
    """Return whether the office has named a mail server."""
    return bool(settings.EMAIL_URL)


def message_with_link(user: User, link: str) -> EmailMessage:
    """Return the message that brings a link to its user."""
    context = {"user": user, "link": link, "hours": settings.PASSWORD_RESET_TIMEOUT // 3600}
    return EmailMessage(SUBJECT, render_to_string("users/password_link_mail.txt", context), to=[user.email])


def send(message: EmailMessage) -> bool:
    """Hand a message to the mail server; false, and an event, where it does not take it."""
    try:
        message.send()
    except (OSError, ValueError) as error:  # SMTPException is an OSError; an address that no mail can have a ValueError
        event("mail_failed", reason=type(error).__name__)
        return False
    return True


def send_in_background(message: EmailMessage) -> None:
    """Send without waiting: how long a reply takes must not tell whether there was anything to send."""
    Thread(target=send, args=(message,), name=SENDER, daemon=True).start()
