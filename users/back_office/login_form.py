"""The form of ``/admin/login/``: one check of the password, the API's."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from users.managers import AwaitingApproval
from users.models import User

AWAITING_APPROVAL = "awaiting_approval"


class CredentialsForm(AuthenticationForm):
    """The admin site's, for accounts that may wait for approval: that is said where the password is right."""

    def clean(self) -> dict[str, Any]:
        """The clean values; ``ValidationError`` where nobody has that name and password, or may not log in here."""
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username is not None and password:
            try:
                user = User.objects.authenticate(username, password)
            except AwaitingApproval:
                raise ValidationError(
                    "This account is waiting for a manager's approval.", code=AWAITING_APPROVAL
                ) from None
            if user is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(user)
            user.backend = settings.AUTHENTICATION_BACKENDS[0]  # as authenticate() does
            self.user_cache = user
        return self.cleaned_data
