"""Consistency checks of everything that is stored twice, and the repair of what differs."""
