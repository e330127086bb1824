from distributed_insert.models import Order, Product, User

from .cases import AdminTestCase, url


class SearchTests(AdminTestCase):
    @classmethod
    def setUpTestData(cls):
        for number, name in ((7, "Ann"), (77, "Ben"), (78, "Agent 77"), (770, "Ann Lee")):
            User.objects.create(id=number, name=name, email=f"{name[0]}{number}@example.com")
        for number, name in ((7, "Lamp"), (77, "Desk 7"), (78, "Screen 77\" 'wide'")):
            Product.objects.create(id=number, name=name, price=number)
        for row in ((7, 77, 7), (77, 7, 7), (78, 770, 77), (770, 78, 78), (777, 77, 77)):
            Order.objects.create(id=row[0], user_id=row[1], product_id=row[2], quantity=77)

    def assert_found(self, model, *cases):
        for text, ids in cases:
            with self.subTest(model=model, text=text):
                self.assertEqual(self.found(model, q=text), ids)

    def test_a_number_finds_exactly_the_id(self):
        self.assert_found(User, ("77", [77]), ("7", [7]), (" 078 ", [78]), ("79", []))
        self.assert_found(Product, ("77", [77]), ("9", []))

    def test_a_number_finds_an_order_and_those_of_a_user_and_of_a_product(self):
        self.assert_found(Order, ("77", [777, 78, 77, 7]), ("770", [770, 78]), ("9", []))

    def test_of_several_numbers_each_is_found(self):
        self.assert_found(Order, ("77 7", [77, 7]), ("7 77 770", []))
        self.assert_found(User, ("77 78", []))

    def test_text_finds_parts_of_names_and_emails(self):
        self.assert_found(User, ("ann", [770, 7]), ("b77@", [77]), ("lee ANN", [770]), ("x y", []))
        self.assert_found(Product, ("desk 7", [77]), ("LAMP", [7]))

    def test_a_number_in_quotes_is_text(self):
        self.assert_found(User, ('"77"', [770, 78, 77]), ("'t 77'", [78]))
        self.assert_found(Product, ('"77"', [78]), ('"7"', [78, 77]), ('77"', [78]))

    def test_no_text_finds_an_order(self):
        self.assert_found(Order, ("ann", []), ('"77"', []), ("-77", []), ("7.0", []), ("77 a", []))

    def test_nothing_finds_everything(self):
        self.assert_found(Order, ("", [777, 770, 78, 77, 7]), (" ", [777, 770, 78, 77, 7]))

    def test_numbers_that_no_id_can_be_find_nothing(self):
        texts = ["2147483648", "9" * 19, "9" * 5000, "-1", "٧٧", "７７", "7_7", "0"]
        for model in (User, Product, Order):
            self.assert_found(model, *((text, []) for text in texts))

    def test_the_largest_id_is_found(self):
        User.objects.create(id=2147483647, name="Zoe", email="z@b")
        self.assert_found(User, ("2147483647", [2147483647]))

    def test_what_is_searched_is_said(self):
        for model, text in (
            (Order, "A number finds exactly this ID, user ID or product ID."),
            (
                User,
                "A number finds exactly this ID. Other text, or a number in quotes, is found in "
                "any part of name or email.",
            ),
            (
                Product,
                "A number finds exactly this ID. Other text, or a number in quotes, is found in "
                "any part of name.",
            ),
        ):
            with self.subTest(model=model):
                response = self.client.get(url(model, "changelist"))
                self.assertEqual(response.context["cl"].search_help_text, text)
                self.assertContains(response, text)
