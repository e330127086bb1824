from django.test import SimpleTestCase

from distributed_insert.two_phase import Gid


class GidTests(SimpleTestCase):
    gid = Gid("users", "9dcf", "07ab", "orders.order")

    def test_the_name_says_all_and_is_read_back(self):
        self.assertEqual(str(self.gid), "distributed_insert:users:9dcf:07ab:orders.order")
        self.assertEqual(Gid.parse(str(self.gid)), self.gid)

    def test_quotes_are_doubled_in_sql(self):
        gid = self.gid._replace(decider="o'users")
        self.assertEqual(gid.literal, "'distributed_insert:o''users:9dcf:07ab:orders.order'")

    def test_names_of_other_programs_are_not_read(self):
        for text in (
            "",
            "distributed_insert",
            "other:users:9dcf:07ab:orders.order",
            f"{self.gid}:1",
        ):
            with self.subTest(text=text):
                self.assertIsNone(Gid.parse(text))
