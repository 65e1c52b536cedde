"""The form of ``/admin/login/``, which checks the password as the API does."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from users.managers import AwaitingApproval
from users.models import User

AWAITING_APPROVAL = "awaiting_approval"


class CredentialsForm(AuthenticationForm):
    """Django's form, which also reports accounts that wait for approval if the password is right."""

    def clean(self) -> dict[str, Any]:
        """Return the clean values, or raise ``ValidationError`` for wrong credentials or users without access."""
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username is not None and password:
            try:
                user = User.objects.authenticate(username, password)
            except AwaitingApproval:
                raise ValidationError(
                    "This account is waiting for approval by a manager.", code=AWAITING_APPROVAL
                ) from None
            if user is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(user)
            user.backend = settings.AUTHENTICATION_BACKENDS[0]  # as authenticate() does
            self.user_cache = user
        return self.cleaned_data
