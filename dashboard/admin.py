"""The models that the dashboard registers in the back office."""

from dashboard.account_log import AccountEventAdmin

__all__ = ["AccountEventAdmin"]
