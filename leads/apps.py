"""Leads: people who may buy or sell, and how they come in."""

from django.apps import AppConfig


class LeadsConfig(AppConfig):
    """The app that owns leads and their import."""

    name = "leads"
