"""What of the leads' affairs expires; see ``crm_project/api/expiry.py``."""

from crm_project.api.expiry import Prune
from leads.back_office import uploads

EXPIRING: dict[str, Prune] = {"uploaded files": lambda now: uploads.sweep(now.timestamp())}
