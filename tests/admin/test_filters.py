from django.db import connections
from django.test.utils import CaptureQueriesContext

from distributed_insert.models import Order, Product, User

from .cases import AdminTestCase, url


class FilterTests(AdminTestCase):
    @classmethod
    def setUpTestData(cls):
        for number, size in enumerate((9, 10, 99, 100, 999, 1000), 1):
            Order.objects.create(id=number, user_id=1, product_id=1, quantity=size)
            Product.objects.create(id=number, name="Lamp", price=size + 0.5)

    def test_each_range_has_the_records_from_its_lower_bound_to_under_the_upper(self):
        for model, name in ((Order, "quantity_range"), (Product, "price_range")):
            for value, ids in (
                ("-10", [1]),
                ("10-100", [3, 2]),
                ("100-1000", [5, 4]),
                ("1000-", [6]),
                ("7-8", [6, 5, 4, 3, 2, 1]),
            ):
                with self.subTest(model=model, value=value):
                    self.assertEqual(self.found(model, **{name: value}), ids)

    def test_a_filter_and_a_search_go_together(self):
        self.assertEqual(self.found(Order, quantity_range="10-100", q="2"), [2])

    def test_the_choices_are_the_same_for_any_records(self):
        response = self.client.get(url(Order, "changelist"), {"quantity_range": "10-100"})
        changelist = response.context["cl"]
        [filtering] = changelist.filter_specs
        self.assertEqual(
            [tuple(choice.values()) for choice in filtering.choices(changelist)],
            [
                (False, "?", "All"),
                (False, "?quantity_range=-10", "under 10"),
                (True, "?quantity_range=10-100", "10 to under 100"),
                (False, "?quantity_range=100-1000", "100 to under 1,000"),
                (False, "?quantity_range=1000-", "1,000 or more"),
            ],
        )

    def test_only_sizes_are_filtered(self):
        for model, titles in ((Order, ["quantity"]), (Product, ["price"]), (User, [])):
            with self.subTest(model=model):
                changelist = self.client.get(url(model, "changelist")).context["cl"]
                self.assertEqual([spec.title for spec in changelist.filter_specs], titles)

    def test_a_page_counts_once_and_offers_no_counts_of_choices(self):
        with CaptureQueriesContext(connections["orders"]) as queries:
            response = self.client.get(url(Order, "changelist"), {"quantity_range": "10-100"})
        self.assertNotContains(response, "_facets")
        self.assertEqual(sum("COUNT" in query["sql"] for query in queries), 1)
