from unittest import mock

from django.core.checks import Error, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import SimpleTestCase

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
