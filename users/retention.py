"""The expired rows that ``manage.py prune`` deletes; see ``crm_project/http/retention.py``."""

from crm_project.http.retention import Prune, delete_in_batches
from users.refresh import RefreshToken
from users.reset_requests import PasswordResetRequest
from users.sessions import UserSession
from users.throttle import LoginFailure, Registration

EXPIRING: dict[str, Prune] = {
    "failed logins": lambda now: delete_in_batches(LoginFailure.objects.expired(now)),
    "registrations counted": lambda now: delete_in_batches(Registration.objects.expired(now)),
    "sessions of the back office": lambda now: delete_in_batches(UserSession.objects.filter(expire_date__lte=now)),
    "requests for a new password": lambda now: delete_in_batches(PasswordResetRequest.objects.expired(now)),
    "refresh tokens": lambda now: delete_in_batches(RefreshToken.objects.expired(now)),
}
