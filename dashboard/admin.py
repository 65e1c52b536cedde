"""What the dashboard registers in the back office."""

from dashboard.back_office.account_log import AccountEventAdmin

__all__ = ["AccountEventAdmin"]
