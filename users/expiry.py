"""What of users' affairs expires; see ``crm_project/api/expiry.py``."""

from crm_project.api.expiry import Prune, delete_in_batches
from users.attempts import LoginFailure, Registration
from users.refresh import RefreshToken
from users.reset_requests import PasswordResetRequest
from users.sessions import UserSession

EXPIRING: dict[str, Prune] = {
    "failed log-ins": lambda now: delete_in_batches(LoginFailure.objects.expired(now)),
    "registrations counted": lambda now: delete_in_batches(Registration.objects.expired(now)),
    "sessions of the back office": lambda now: delete_in_batches(UserSession.objects.filter(expire_date__lte=now)),
    "requests for a new password": lambda now: delete_in_batches(PasswordResetRequest.objects.expired(now)),
    "refresh tokens": lambda now: delete_in_batches(RefreshToken.objects.expired(now)),
}
