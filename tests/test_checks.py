import copy
from unittest import mock

from django.conf import settings
from django.core.checks import Error, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import SimpleTestCase

from distributed_insert.checks import check_places
from distributed_insert.models import Order, User
from ds_project import router


class ModelDatabaseCheckTests(SimpleTestCase):
    def test_the_project_as_it_is_passes(self):
        self.assertEqual(run_checks(), [])

    def test_error_for_a_model_without_a_database(self):
        with mock.patch.dict(router.MODEL_DATABASES):
            del router.MODEL_DATABASES["distributed_insert.order"]
            self.assertEqual(
                run_checks(),
                [
                    Error(
                        "Order has no database.",
                        hint="Add 'distributed_insert.order' to MODEL_DATABASES "
                        "in ds_project/router.py.",
                        obj=Order,
                        id="distributed_insert.E001",
                    )
                ],
            )

    def test_error_for_a_database_that_is_not_configured(self):
        with mock.patch.dict(router.MODEL_DATABASES, {"distributed_insert.user": "people"}):
            self.assertEqual(
                run_checks(),
                [
                    Error(
                        "User lives in the database 'people', which is not configured.",
                        hint="Add 'people' to DATABASES in ds_project/settings.py.",
                        obj=User,
                        id="distributed_insert.E002",
                    )
                ],
            )

    def test_a_command_does_not_start(self):
        with mock.patch.dict(router.MODEL_DATABASES, {"distributed_insert.user": "people"}):
            with self.assertRaisesMessage(SystemCheckError, "distributed_insert.E002"):
                call_command("populate_db", skip_checks=False)


class PlaceCheckTests(SimpleTestCase):
    server = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "db.example.com",
        "PORT": 5432,
        "NAME": "shop",
        "USER": "loader",
    }

    def checked(self, **databases):
        """Check the databases of the project with those of some aliases changed."""
        # Each as a whole: connections that are open keep theirs.
        changed = {**copy.deepcopy(settings.DATABASES), **databases}
        with self.settings():
            settings.DATABASES = changed
            return check_places(None)

    def test_error_for_two_aliases_in_one_database(self):
        path = "/data/shop.db"
        for users, orders in (
            (self.server, {**self.server, "USER": "other", "PORT": ""}),
            (sqlite(path), sqlite("/data/../data/shop.db")),
            (service("shop"), service("shop")),
        ):
            with self.subTest(users=users):
                self.assertEqual(
                    self.checked(users=users, orders=orders),
                    [
                        Error(
                            "'users' and 'orders' are one and the same database.",
                            hint="Give each of them a database of its own, with "
                            "USERS_DATABASE_URL and ORDERS_DATABASE_URL.",
                            id="distributed_insert.E003",
                        )
                    ],
                )

    def test_every_alias_that_is_one_too_many_is_named(self):
        found = self.checked(users=self.server, products=self.server, orders=self.server)
        self.assertEqual(
            [error.msg for error in found],
            [
                "'users' and 'products' are one and the same database.",
                "'users' and 'orders' are one and the same database.",
            ],
        )

    def test_what_differs_in_one_thing_is_another_database(self):
        for difference in (
            {"HOST": "other.example.com"},
            {"PORT": 5433},
            {"NAME": "other"},
            {"OPTIONS": {"service": "other"}},
            {"ENGINE": "django.db.backends.mysql"},
        ):
            with self.subTest(difference=difference):
                found = self.checked(users=self.server, orders={**self.server, **difference})
                self.assertEqual(found, [])


def sqlite(path):
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path}


def service(name):
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "",
        "OPTIONS": {"service": name},
    }
