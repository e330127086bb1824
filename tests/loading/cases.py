"""What the tests of loading share."""

from django.db import connections, router

from distributed_insert.loading import Options
from distributed_insert.loading import load as load_with
from distributed_insert.models import Order, Product, User
from distributed_insert.sources import MemorySource

from ..cases import SQLiteTestCase

MODELS = (User, Product, Order)


def alias(model):
    return router.db_for_write(model)


def load(sources, **options):
    return load_with(sources, Options(**options))


def users(*numbers):
    return [{"id": n, "name": f"User {n}", "email": f"{n}@example.com"} for n in numbers]


def products(*numbers):
    return [{"id": n, "name": f"Product {n}", "price": 1.0} for n in numbers]


def orders(*ids):
    """Return an order for each (id, user id, product id)."""
    return [
        {"id": n, "user_id": user, "product_id": product, "quantity": 1} for n, user, product in ids
    ]


def errors(model_result):
    """Return the errors of each reject, by the number of the record."""
    return {reject.number: reject.errors for reject in model_result.rejects}


class SourceWith(MemorySource):
    """A source that calls a function, with the number of the batch from 1, before it reads it."""

    def __init__(self, records, before_read):
        super().__init__(records)
        self._before_read = before_read
        self._batch = 0

    def read(self, size):
        self._batch += 1
        self._before_read(self._batch)
        return super().read(size)


class TriggerTestCase(SQLiteTestCase):
    """For tests of what the database does by itself."""

    def execute(self, sql, using="users"):
        with connections[using].cursor() as cursor:
            cursor.execute(sql)

    def trigger(self, event, action, when="1", model=User):
        """Have the table of the model do something before each `event`, INSERT or UPDATE.

        It takes the place of the trigger that was there for this event.
        """
        using = alias(model)
        drop = f"DROP TRIGGER IF EXISTS test_{event}"
        self.execute(drop, using)
        self.execute(
            f"CREATE TRIGGER test_{event} BEFORE {event} ON {model._meta.db_table} WHEN {when} "
            f"BEGIN SELECT {action}; END",
            using,
        )
        self.addCleanup(self.execute, drop, using)

    def refuse_commits(self, model, when="1"):
        """Let every transaction that inserts into the model's table fail when it is committed.

        Inserting leaves a reference to nothing in another table, which is checked only then.
        """
        using = alias(model)
        for sql in (
            "CREATE TABLE test_parent (id INTEGER PRIMARY KEY)",
            "CREATE TABLE test_child (parent_id INTEGER REFERENCES test_parent (id) "
            "DEFERRABLE INITIALLY DEFERRED)",
            f"CREATE TRIGGER test_commit AFTER INSERT ON {model._meta.db_table} WHEN {when} "
            "BEGIN INSERT INTO test_child VALUES (1); END",
        ):
            self.execute(sql, using)
        for sql in (
            "DROP TABLE test_parent",
            "DROP TABLE test_child",
            "DROP TRIGGER test_commit",
        ):
            self.addCleanup(self.execute, sql, using)
