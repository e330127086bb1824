"""Which model lives in which database: the one place that says so."""

MODEL_DATABASES = {
    "distributed_insert.user": "users",
    "distributed_insert.product": "products",
    "distributed_insert.order": "orders",
}


def alias_for(app_label, model_name):
    """Return the alias a model lives in; every model not named above lives in `default`."""
    return MODEL_DATABASES.get(f"{app_label}.{model_name}".lower(), "default")


class ModelDatabaseRouter:
    """Sends each model to its own database, and its table to no other."""

    def db_for_read(self, model, **hints):
        return alias_for(model._meta.app_label, model._meta.model_name)

    db_for_write = db_for_read

    def allow_relation(self, obj1, obj2, **hints):
        """Refuse relations across databases: no foreign key reaches there."""
        return self.db_for_read(obj1) == self.db_for_read(obj2)

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        """Create each table in its model's database only.

        RunPython and RunSQL name no model, and run on `default` unless they carry
        `hints={"model_name": ...}`.
        """
        return db == alias_for(app_label, model_name)
