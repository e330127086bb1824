from array import array
from dataclasses import replace
from unittest import mock

from django.apps import apps
from django.db import connections, models
from django.test import SimpleTestCase, TestCase

from distributed_insert.datasets import DATASETS
from distributed_insert.models import Order, Product, User
from distributed_insert.references import (
    check_stored,
    delete_unreferenced,
    does_not_exist,
    missing_ids,
    records_that_refer_to,
    some_do_not_exist,
)

from .cases import stored


class MissingIdsTests(TestCase):
    databases = {"users"}

    @classmethod
    def setUpTestData(cls):
        User.objects.bulk_create(User(id=n, name="Ann", email="a@b") for n in range(1, 3001))

    def test_the_ids_that_are_not_stored_are_returned(self):
        self.assertEqual(
            missing_ids(User, "users", [1, 3000, 3001, 2147483647]), {3001, 2147483647}
        )

    def test_ids_come_in_any_order_and_kind_of_collection(self):
        for ids in ([3001, 1, 5000, 1], {5000, 1, 3001}, array("q", [5000, 3001, 1])):
            with self.subTest(ids=ids):
                self.assertEqual(missing_ids(User, "users", ids), {3001, 5000})

    def test_nothing_asked_is_nothing_missing(self):
        self.assertEqual(missing_ids(User, "users", []), set())

    def test_more_ids_than_a_statement_takes_parameters(self):
        self.assertEqual(missing_ids(User, "users", range(1, 5001)), set(range(3001, 5001)))

    def test_a_table_may_have_a_column_of_any_name(self):
        class Reading(models.Model):
            id = models.IntegerField(primary_key=True)
            value = models.IntegerField()

            class Meta:
                app_label = "sensors"
                managed = False

        self.addCleanup(apps.all_models.pop, "sensors")
        with connections["users"].cursor() as cursor:
            cursor.execute("CREATE TABLE sensors_reading (id INTEGER PRIMARY KEY, value INTEGER)")
            cursor.execute("INSERT INTO sensors_reading VALUES (1, 2), (3, 3)")
        self.assertEqual(missing_ids(Reading, "users", [1, 2, 3]), {2})


class PortableTests(MissingIdsTests):
    """The same on a database that nothing special is known of."""

    def setUp(self):
        vendor = mock.patch.object(connections["users"], "vendor", "other")
        vendor.start()
        self.addCleanup(vendor.stop)


class MessageTests(SimpleTestCase):
    def test_the_message_names_the_model_and_the_id(self):
        self.assertEqual(
            [does_not_exist(User, 10), does_not_exist(Product, 11)],
            [
                "Invalid reference: user 10 does not exist",
                "Invalid reference: product 11 does not exist",
            ],
        )
        self.assertEqual(some_do_not_exist(User), "Invalid reference: user does not exist")


class CheckStoredTests(TestCase):
    databases = {"users", "products", "orders"}
    references = {"user_id": User, "product_id": Product}

    @classmethod
    def setUpTestData(cls):
        User.objects.create(id=1, name="Ann", email="a@b")
        Product.objects.create(id=1, name="Lamp", price=1)
        for number, user, product in ((5, 1, 9), (1, 1, 1), (4, 8, 9), (2, 1, 1), (3, 8, 1)):
            Order.objects.create(id=number, user_id=user, product_id=product, quantity=1)

    def checked(self, batch_size, references=references):
        return list(check_stored(Order, references, batch_size))

    def order(self, number, user, product):
        return {"id": number, "user_id": user, "product_id": product, "quantity": 1}

    def test_records_that_refer_to_nothing_come_with_their_batch_and_place(self):
        no_user, no_product = (User, 8), (Product, 9)
        third = (self.order(3, 8, 1), [no_user])
        fourth = (self.order(4, 8, 9), [no_user, no_product])
        fifth = (self.order(5, 1, 9), [no_product])
        self.assertEqual(self.checked(10), [(5, [(3, *third), (4, *fourth), (5, *fifth)])])
        self.assertEqual(
            self.checked(2), [(2, []), (2, [(1, *third), (2, *fourth)]), (1, [(1, *fifth)])]
        )

    def test_without_references_nothing_is_dangling(self):
        self.assertEqual(self.checked(3, {}), [(3, []), (2, [])])

    def test_an_empty_table_has_no_batches(self):
        Order.objects.all().delete()
        self.assertEqual(self.checked(3), [])


class ReferringTests(TestCase):
    databases = {"users", "products", "orders"}

    @classmethod
    def setUpTestData(cls):
        User.objects.bulk_create(User(id=n, name="Ann", email="a@b") for n in range(1, 1501))
        Product.objects.bulk_create(Product(id=n, name="Lamp", price=1) for n in range(1, 4))
        for number, user, product in ((1, 2, 1), (2, 1500, 1), (3, 2, 2)):
            Order.objects.create(id=number, user_id=user, product_id=product, quantity=1)

    def referring(self, model, ids):
        return [sorted(r.pk for r in records) for records in records_that_refer_to(model, ids)]

    def test_records_that_refer_to_any_of_the_ids(self):
        self.assertEqual(self.referring(User, [2, 3, 1500]), [[1, 2, 3]])
        self.assertEqual(self.referring(Product, [2]), [[3]])
        self.assertEqual(self.referring(Product, [3]), [[]])

    def test_nothing_refers_to_an_order(self):
        self.assertEqual(self.referring(Order, [1]), [])

    def test_either_of_two_fields_may_refer(self):
        both = replace(DATASETS[0], references={"user_id": User, "product_id": User})
        with mock.patch("distributed_insert.references.DATASETS", [both]):
            self.assertEqual(self.referring(User, [1]), [[1, 2]])
            self.assertEqual(delete_unreferenced(User.objects.filter(id__lt=4)), 1)
        self.assertEqual([row[0] for row in stored(User)][:3], [1, 2, 4])

    def test_what_nothing_refers_to_is_deleted(self):
        self.assertEqual(delete_unreferenced(User.objects.all()), 1498)
        self.assertEqual([row[0] for row in stored(User)], [2, 1500])
        self.assertEqual(delete_unreferenced(User.objects.all()), 0)

    def test_nothing_but_the_records_given_is_deleted(self):
        self.assertEqual(delete_unreferenced(Product.objects.filter(id__gt=1)), 1)
        self.assertEqual([row[0] for row in stored(Product)], [1, 2])

    def test_orders_are_deleted(self):
        self.assertEqual(delete_unreferenced(Order.objects.exclude(id=2)), 2)
        self.assertEqual([row[0] for row in stored(Order)], [2])

    def test_each_batch_asks_again(self):
        User.objects.bulk_create(User(id=n, name="Ann", email="a@b") for n in range(1501, 20002))
        Order.objects.create(id=4, user_id=20001, product_id=1, quantity=1)
        with self.assertNumQueries(3, using="orders"):
            self.assertEqual(delete_unreferenced(User.objects.all()), 19998)
        self.assertEqual([row[0] for row in stored(User)], [2, 1500, 20001])
