"""Modules of one name in all apps, such as ``retention``, in which each app declares its part of common work."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule


def modules(name: str) -> Iterator[Any]:
    """Yield the module ``name`` of each app that has one."""
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, name):
            yield import_module(f"{app.name}.{name}")
