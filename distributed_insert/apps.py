from django.apps import AppConfig
from django.core.checks import register


class DistributedInsertConfig(AppConfig):
    name = "distributed_insert"
    verbose_name = "Distributed insert"

    def ready(self):
        from .checks import check_model_databases

        register(check_model_databases)
