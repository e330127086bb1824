from django.apps import AppConfig
from django.core.checks import register


class DistributedInsertConfig(AppConfig):
    name = "distributed_insert"
    # What the admin calls the app. Its users are told from the admin's own.
    verbose_name = "Records in their own databases"

    def ready(self):
        from .checks import check_model_databases, check_places

        register(check_model_databases)
        register(check_places)
