"""System checks: a model without a database of its own stops every command before it starts."""

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
