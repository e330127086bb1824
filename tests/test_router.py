from django.contrib.auth.models import Permission
from django.db import connections
from django.test import SimpleTestCase, TestCase

from distributed_insert.models import Order, Product, User
from ds_project.router import ModelDatabaseRouter

from .cases import ALIASES

router = ModelDatabaseRouter()


class RouterTests(SimpleTestCase):
    def test_each_model_is_read_from_and_written_to_its_own_database(self):
        for model, alias in (
            (User, "users"),
            (Product, "products"),
            (Order, "orders"),
            (Permission, "default"),
        ):
            with self.subTest(model=model):
                self.assertEqual(router.db_for_read(model), alias)
                self.assertEqual(router.db_for_write(model), alias)

    def test_relations_between_databases_are_refused(self):
        self.assertIs(router.allow_relation(User(), Order()), False)
        self.assertIs(router.allow_relation(Permission(), User()), False)
        self.assertIs(router.allow_relation(User(), User()), True)
        self.assertIs(router.allow_relation(Permission(), Permission()), True)

    def test_a_table_is_allowed_in_its_models_database_only(self):
        # makemigrations names models as they are written, migrate in lower case.
        for app_label, model_name, home in (
            ("distributed_insert", "User", "users"),
            ("distributed_insert", "user", "users"),
            ("distributed_insert", "product", "products"),
            ("distributed_insert", "order", "orders"),
            ("auth", "user", "default"),
            ("sessions", "session", "default"),
            ("distributed_insert", None, "default"),
        ):
            with self.subTest(app_label=app_label, model_name=model_name):
                allowed = [a for a in ALIASES if router.allow_migrate(a, app_label, model_name)]
                self.assertEqual(allowed, [home])


class TablesTests(TestCase):
    databases = set(ALIASES)

    def test_each_database_holds_only_its_own_table(self):
        tables = {alias: connections[alias].introspection.table_names() for alias in ALIASES}
        self.assertEqual(
            {alias: tables[alias] for alias in ("users", "products", "orders")},
            {
                "users": ["distributed_insert_user", "django_migrations"],
                "products": ["distributed_insert_product", "django_migrations"],
                "orders": ["distributed_insert_order", "django_migrations"],
            },
        )
        self.assertEqual(
            sorted(tables["default"]),
            [
                "auth_group",
                "auth_group_permissions",
                "auth_permission",
                "auth_user",
                "auth_user_groups",
                "auth_user_user_permissions",
                "django_admin_log",
                "django_content_type",
                "django_migrations",
                "django_session",
            ],
        )
