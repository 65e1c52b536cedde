"""Migrations: short locks, reversal, and the migrate command."""
