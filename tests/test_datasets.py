from django.test import SimpleTestCase

from distributed_insert.datasets import DATASETS
from distributed_insert.models import Order, Product, User
from distributed_insert.sources import TYPED


class DatasetTests(SimpleTestCase):
    def test_each_model_has_its_names_fields_and_database(self):
        self.assertEqual(
            [(d.model, d.name, d.plural, d.using, d.key, d.fields) for d in DATASETS],
            [
                (
                    Order,
                    "Order",
                    "orders",
                    "orders",
                    "id",
                    ["id", "user_id", "product_id", "quantity"],
                ),
                (User, "User", "users", "users", "id", ["id", "name", "email"]),
                (Product, "Product", "products", "products", "id", ["id", "name", "price"]),
            ],
        )

    def test_orders_refer_to_users_and_products(self):
        self.assertEqual(
            [dict(dataset.references) for dataset in DATASETS],
            [{"user_id": User, "product_id": Product}, {}, {}],
        )

    def test_the_rules_of_each_model_are_those_of_its_fields(self):
        self.assertEqual(
            [sorted({name for name, _ in dataset.rules(TYPED)}) for dataset in DATASETS],
            [sorted(dataset.fields) for dataset in DATASETS],
        )
