"""The pages of set-password links: creating one, opening one, and "Forgot your password?"."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse, reverse_lazy
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from crm_project import validation
from crm_project.events import event
from crm_project.http.client_address import client_address
from users import password_links
from users.audit import Action, Channel, log_account_event
from users.back_office.small_forms import small_form
from users.back_office.throttled import too_many_requests, wait_message
from users.models import LoginFailure, User
from users.reset_requests import PasswordResetRequest


def link_page(request: HttpRequest, creator: User, user: User) -> TemplateResponse:
    """``/admin/users/user/<id>/password/``: a POST creates a link and shows it once."""
    link = create_link(request, creator, user) if request.method == "POST" and user.is_active else {}
    page = {
        "title": f"Set-password link for {user}",
        "original": user,
        "opts": User._meta,
        "mail_is_set": password_links.mail_is_set(),
    }
    context = {**admin.site.each_context(request), **page, **link}
    return TemplateResponse(request, "users/password_link.html", context)


def create_link(request: HttpRequest, creator: User, user: User) -> dict[str, Any]:
    """Create a link for ``user``, mail it if possible, and return the context of the page."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)  # an erasure has ended, or finds the entry
        link = password_links.link_to_set_password(request, user, creator)
        log_account_event(Action.PASSWORD_LINK_MADE, actor=creator, target=user, channel=Channel.ADMIN)
    event("password_link_made", owner_id=user.pk)
    to_mail = password_links.mail_is_set() and bool(user.email)
    mailed = to_mail and password_links.send(password_links.message_with_link(user, link))
    hours = settings.PASSWORD_RESET_TIMEOUT // 3600
    return {"link": link, "hours": hours, "mailed": mailed, "not_mailed": to_mail and not mailed}


class LinkPasswordForm(SetPasswordForm):
    """A new password, typed twice."""

    stored = False  # whether this form, and not another request with the same link, has set the password

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})

    def save(self, commit: bool = True) -> User:
        """Set the password, and return the user."""
        self.stored = password_links.set_password_by_link(self.user, self.cleaned_data["new_password1"])
        return self.user


class SetPasswordView(PasswordResetConfirmView):
    """``/admin/set-password/<uidb64>/<token>/``: the page of a link. It does not log in.

    Django's view moves the token to the session and redirects to an address without it, so that no ``Referer`` has it.
    """

    form_class = LinkPasswordForm
    token_generator = password_links.PasswordLinkTokens()
    template_name = "users/set_password.html"
    title = "Choose a password"
    success_url = reverse_lazy("admin:set_password_done")

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password; show the page of an invalid link if another request was faster."""
        response = super().form_valid(form)
        if not form.stored:
            self.validlink = False
            return self.render_to_response(self.get_context_data())
        # The failed logins because of the forgotten password.
        LoginFailure.objects.clear(form.user.username, client_address(self.request))
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the context of the page and the site."""
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs)}


def set_password_done(request: HttpRequest) -> HttpResponseBase:
    """``/admin/set-password/done/``: the password is set."""
    context = {**admin.site.each_context(request), "title": "Your password is set"}
    return TemplateResponse(request, "users/set_password_done.html", context)


class ForgotPasswordForm(forms.Form):
    """The email address of an account."""

    email = forms.CharField(
        label="Email",
        max_length=validation.MAX_EMAIL,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "email", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


def forgot_password_url(request: HttpRequest) -> str:
    """Return the address of the page for forgotten passwords; "" if it is not offered.

    Anyone can request such a mail, with a link to a host that they choose among ``ALLOWED_HOSTS``. With ``*``, or a
    pattern such as ``.example.com``, that could be an attacker's host, to which the link would send the token.
    """
    any_host = any(host == "*" or host.startswith(".") for host in settings.ALLOWED_HOSTS)
    offered = password_links.mail_is_set() and not any_host
    return reverse("admin:forgot_password") if offered else ""


@small_form
def forgot_password(request: HttpRequest) -> HttpResponseBase:
    """``/admin/forgot-password/``: mail a link to an account; the reply is the same if there is no account."""
    if not forgot_password_url(request):
        raise Http404
    form = ForgotPasswordForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _forgot_page(request, form=form)
    address = client_address(request)
    if wait := PasswordResetRequest.objects.wait(address):
        problem = wait_message(wait, "Too many requests.")
        return too_many_requests(_forgot_page(request, form=form, problem=problem), wait)
    _mail_link(request, address, form.cleaned_data["email"].strip())
    return _forgot_page(request, sent=True)


def _mail_link(request: HttpRequest, address: str, email: str) -> None:
    """Mail a link to the staff user with that address; otherwise do the same work without sending."""
    user = User.objects.filter(email_key=validation.normalized_key(email), is_active=True, is_staff=True).first()
    allowed = PasswordResetRequest.objects.allowed_for(user)
    PasswordResetRequest.objects.create(address=address, user=user)
    receiver = user or User(pk=0, email=email)
    message = password_links.message_with_link(receiver, password_links.link_to_set_password(request, receiver))
    if user and allowed:
        event("password_link_mailed", owner_id=user.pk, address=address)
        password_links.send_in_background(message)


def _forgot_page(request: HttpRequest, **context: Any) -> TemplateResponse:
    context = {**admin.site.each_context(request), "title": "Forgot your password?", **context}
    return TemplateResponse(request, "users/forgot_password.html", context)


def urls() -> list[URLPattern]:
    """Return the pages of the back office that need no login."""
    return [
        path("forgot-password/", forgot_password, name="forgot_password"),
        path("set-password/done/", set_password_done, name="set_password_done"),
        path("set-password/<uidb64>/<token>/", small_form(SetPasswordView.as_view()), name="set_password"),
    ]
