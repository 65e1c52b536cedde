"""Migrations: that they lock nobody out, that each reverses, and how they are run."""
