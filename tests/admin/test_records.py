from distributed_insert.models import Order, Product, User

from ..cases import stored
from .cases import AdminTestCase, url


class RecordsTests(AdminTestCase):
    def setUp(self):
        super().setUp()
        User.objects.create(id=1, name="Ann", email="stanisław.wójcik@wp.pl")
        Product.objects.create(id=2, name="Lamp", price=9.5)
        Order.objects.create(id=3, user_id=1, product_id=2, quantity=4)

    def errors(self, model, **values):
        response = self.client.post(url(model, "add"), values)
        return dict(response.context["adminform"].form.errors)

    def test_each_model_is_shown_from_its_own_database(self):
        for model, cells in (
            (User, ["Ann", "stanisław.wójcik@wp.pl"]),
            (Product, ["Lamp", "9.5"]),
            (Order, ["4"]),
        ):
            with self.subTest(model=model):
                response = self.client.get(url(model, "changelist"))
                for cell in cells:
                    self.assertContains(response, f">{cell}</td>")

    def test_records_are_added(self):
        self.client.post(url(User, "add"), {"id": 5, "name": " Ben ", "email": "ben@b"})
        self.client.post(url(Product, "add"), {"id": 6, "name": "Desk", "price": "1.5"})
        self.client.post(url(Order, "add"), {"id": 7, "user_id": 5, "product_id": 6, "quantity": 1})
        self.assertEqual(stored(User)[1:], [(5, "Ben", "ben@b")])
        self.assertEqual(stored(Product)[1:], [(6, "Desk", 1.5)])
        self.assertEqual(stored(Order)[1:], [(7, 5, 6, 1)])

    def test_records_are_edited_and_keep_their_id(self):
        self.client.post(
            url(User, "change", 1), {"id": 9, "name": "Zoë", "email": "stanisław.wójcik@wp.pl"}
        )
        self.client.post(url(Product, "change", 2), {"name": "Desk", "price": "2"})
        self.client.post(url(Order, "change", 3), {"user_id": 1, "product_id": 2, "quantity": 8})
        self.assertEqual(stored(User), [(1, "Zoë", "stanisław.wójcik@wp.pl")])
        self.assertEqual(stored(Product), [(2, "Desk", 2.0)])
        self.assertEqual(stored(Order), [(3, 1, 2, 8)])

    def test_records_are_deleted(self):
        for model, key in ((Order, 3), (Product, 2), (User, 1)):
            with self.subTest(model=model):
                self.client.post(url(model, "delete", key), {"post": "yes"})
                self.assertEqual(stored(model), [])

    def test_what_is_typed_in_is_held_to_the_rules(self):
        self.assertEqual(
            self.errors(User, id=0, name="a\x7fb", email="nobody"),
            {
                "id": ["ID must be a positive integer"],
                "email": ["Email is not valid"],
                "name": ["Name contains invalid characters"],
            },
        )
        self.assertEqual(
            self.errors(Product, id=1, name="Lamp", price="-1"),
            {"price": ["Price must be positive"]},
        )
        self.assertEqual(
            self.errors(Order, id=1, user_id=8, product_id=9, quantity=0),
            {
                "quantity": ["Quantity must be positive"],
                "user_id": ["Invalid reference: user 8 does not exist"],
                "product_id": ["Invalid reference: product 9 does not exist"],
            },
        )
        self.assertEqual([len(stored(model)) for model in (User, Product, Order)], [1, 1, 1])
