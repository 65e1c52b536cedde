"""The HTTP layer around Django."""
