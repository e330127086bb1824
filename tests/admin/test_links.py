import re
from html import unescape

from distributed_insert.models import Order, Product, User

from .cases import AdminTestCase, url

USER = '<a href="/admin/distributed_insert/user/{0}/change/">{1}</a>'
PRODUCT = '<a href="/admin/distributed_insert/product/{0}/change/">{1}</a>'


class LinksTests(AdminTestCase):
    @classmethod
    def setUpTestData(cls):
        User.objects.create(id=1, name="Ann <3", email="a@b")
        User.objects.create(id=2, name="Ben", email="b@b")
        Product.objects.create(id=5, name="Lamp", price=9.5)
        Order.objects.create(id=1, user_id=2, product_id=5, quantity=1)
        Order.objects.create(id=2, user_id=1, product_id=6, quantity=1)
        Order.objects.create(id=3, user_id=9, product_id=5, quantity=1)

    def cells(self, field, **query):
        """Return what a column of the orders' list shows, from top to bottom."""
        page = self.client.get(url(Order, "changelist"), query).content.decode()
        return re.findall(f'<td class="field-{field}[^>]*>(.*?)</td>', page)

    def rows(self, number):
        """Return the labels and the contents of the read-only rows on an order's page."""
        page = self.client.get(url(Order, "change", number)).content.decode()
        rows = re.findall(
            r'<label>([^<]*):</label>\s*(?:<div>)?\s*<div class="readonly">(.*?)</div>', page
        )
        return [(label, unescape(content)) for label, content in rows]

    def test_the_list_links_to_users_and_products_that_exist(self):
        self.assertEqual(self.cells("user_id"), ["9", USER.format(1, 1), USER.format(2, 2)])
        self.assertEqual(
            self.cells("product_id"), [PRODUCT.format(5, 5), "6", PRODUCT.format(5, 5)]
        )

    def test_the_columns_are_sorted_by_the_ids(self):
        self.assertEqual(self.found(Order, o="2"), [2, 1, 3])
        self.assertEqual(self.found(Order, o="-2"), [3, 1, 2])

    def test_the_list_asks_each_database_once(self):
        with self.assertNumQueries(1, using="users"), self.assertNumQueries(1, using="products"):
            self.client.get(url(Order, "changelist"))
        with self.assertNumQueries(2, using="users"), self.assertNumQueries(0, using="orders"):
            self.client.get(url(User, "changelist"))

    def test_a_page_leads_to_the_user_and_the_product(self):
        self.assertEqual(
            self.rows(2),
            [
                ("ID", "2"),
                ("User", USER.format(1, "Ann <3")),
                ("Product", "Invalid reference: product 6 does not exist"),
            ],
        )
        self.assertContains(self.client.get(url(Order, "change", 2)), "Ann &lt;3")

    def test_there_are_no_links_to_what_may_not_be_viewed(self):
        self.log_in_with("change_order", "view_product")
        with self.assertNumQueries(0, using="users"):
            self.assertEqual(self.cells("user_id"), ["9", "1", "2"])
            self.assertEqual(
                self.cells("product_id"), [PRODUCT.format(5, 5), "6", PRODUCT.format(5, 5)]
            )
            self.assertEqual(self.rows(1), [("ID", "1"), ("Product", PRODUCT.format(5, "Lamp"))])

    def test_what_may_be_changed_may_be_viewed(self):
        self.log_in_with("view_order", "change_user")
        self.assertEqual(self.cells("user_id"), ["9", USER.format(1, 1), USER.format(2, 2)])
        self.assertEqual(
            self.rows(1),
            [
                ("ID", "1"),
                ("User ID", "2"),
                ("User", USER.format(2, "Ben")),
                ("Product ID", "5"),
                ("Quantity", "1"),
            ],
        )

    def test_a_new_order_leads_nowhere(self):
        page = self.client.get(url(Order, "add"))
        self.assertEqual(
            list(page.context["adminform"].form.fields), ["id", "user_id", "product_id", "quantity"]
        )
        self.assertNotContains(page, "readonly")
