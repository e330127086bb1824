from unittest import mock

from django.db import connections
from django.test import TestCase

from distributed_insert.models import Product, User
from distributed_insert.references import does_not_exist, missing_ids


class MissingIdsTests(TestCase):
    databases = {"users"}

    @classmethod
    def setUpTestData(cls):
        User.objects.bulk_create(User(id=n, name="Ann", email="a@b") for n in range(1, 3001))

    def test_the_ids_that_are_not_stored_are_returned(self):
        self.assertEqual(
            missing_ids(User, "users", [1, 3000, 3001, 2147483647]), {3001, 2147483647}
        )

    def test_nothing_asked_is_nothing_missing(self):
        self.assertEqual(missing_ids(User, "users", []), set())

    def test_more_ids_than_a_statement_takes_parameters(self):
        self.assertEqual(missing_ids(User, "users", range(1, 5001)), set(range(3001, 5001)))


class PortableTests(MissingIdsTests):
    """The same of a backend that nothing special is known of."""

    def setUp(self):
        vendor = mock.patch.object(connections["users"], "vendor", "other")
        vendor.start()
        self.addCleanup(vendor.stop)


class MessageTests(TestCase):
    def test_the_message_names_the_model_and_the_id(self):
        self.assertEqual(
            [does_not_exist(User, 10), does_not_exist(Product, 11)],
            [
                "Invalid reference: user 10 does not exist",
                "Invalid reference: product 11 does not exist",
            ],
        )
