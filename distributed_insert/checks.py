"""System checks: a model without a database of its own stops every command before it starts."""

import os
from typing import Dict

from django.apps import apps
from django.conf import settings
from django.core.checks import Error

from ds_project.router import MODEL_DATABASES


def check_model_databases(app_configs, **kwargs):
    """Return an error for each model of the app that is not routed, or routed to no database."""
    errors = []
    for model in apps.get_app_config("distributed_insert").get_models():
        alias = MODEL_DATABASES.get(model._meta.label_lower)
        if alias is None:
            label = model._meta.label_lower
            errors.append(
                Error(
                    f"{model.__name__} has no database.",
                    hint=f"Add '{label}' to MODEL_DATABASES in ds_project/router.py.",
                    obj=model,
                    id="distributed_insert.E001",
                )
            )
        elif alias not in settings.DATABASES:
            errors.append(
                Error(
                    f"{model.__name__} lives in the database '{alias}', which is not configured.",
                    hint=f"Add '{alias}' to DATABASES in ds_project/settings.py.",
                    obj=model,
                    id="distributed_insert.E002",
                )
            )
    return errors


def check_places(app_configs, **kwargs):
    """Return an error for each alias whose database is that of another alias.

    Such a database records the migrations of both as if they were those of one, and so gets the
    tables of only one.
    """
    errors = []
    first: Dict[tuple, str] = {}
    for alias, config in settings.DATABASES.items():
        other = first.setdefault(_place(config), alias)
        if other != alias:
            errors.append(
                Error(
                    f"'{other}' and '{alias}' are one and the same database.",
                    hint=f"Give each of them a database of its own, with {other.upper()}"
                    f"_DATABASE_URL and {alias.upper()}_DATABASE_URL.",
                    id="distributed_insert.E003",
                )
            )
    return errors


def _place(config):
    engine, name = config["ENGINE"], config["NAME"]
    if "sqlite" in engine:
        return engine, os.path.realpath(name)
    port = config.get("PORT") or ("postgresql" in engine and 5432)
    return engine, config.get("HOST"), port, name, config.get("OPTIONS", {}).get("service")
