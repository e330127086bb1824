import shlex

from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import connections
from django.db.models import ProtectedError
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext, captured_stdout

from distributed_insert.admin.deletion import MAX_SELECTED
from distributed_insert.admin.records import RecordAdmin
from distributed_insert.models import Order, Product, User

from ..cases import stored
from .cases import AdminTestCase, url


def link(number):
    return f'<a href="/admin/distributed_insert/order/{number}/change/">Order {number}</a>'


class DeletionTestCase(AdminTestCase):
    @classmethod
    def setUpTestData(cls):
        for number in (1, 2, 3, 4):
            User.objects.create(id=number, name=f"User {number}", email="a@b")
            Product.objects.create(id=number, name=f"Product {number}", price=number)
        for row in ((10, 1, 2), (11, 1, 1), (12, 3, 2)):
            Order.objects.create(id=row[0], user_id=row[1], product_id=row[2], quantity=1)

    def delete(self, model, key):
        return self.client.post(url(model, "delete", key), {"post": "yes"})

    def act(self, model, keys, query="", **values):
        data = {"action": "delete_selected", "_selected_action": list(keys), **values}
        return self.client.post(url(model, "changelist") + query, data)

    def ids(self, model):
        return [row[0] for row in stored(model)]

    def assert_protected(self, response, *protected):
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.context["protected"], list(protected))
        self.assertContains(response, "would require deleting the following protected related obj")

    def order_appears_on(self, alias, start):
        """Store an order as soon as a statement that starts so is sent to a database."""

        def execute(run, sql, params, many, context):
            if sql.startswith(start):
                Order.objects.get_or_create(id=13, user_id=4, product_id=4, quantity=1)
            return run(sql, params, many, context)

        return connections[alias].execute_wrapper(execute)


class DeleteTests(DeletionTestCase):
    def test_what_no_order_refers_to_is_deleted(self):
        for model, key in ((Order, 10), (Product, 3), (User, 2)):
            with self.subTest(model=model):
                before = self.ids(model)
                page = self.client.get(url(model, "delete", key))
                self.assertEqual(page.context["protected"], [])
                self.assertContains(page, "Are you sure you want to delete")
                self.delete(model, key)
                self.assertEqual(self.ids(model), [k for k in before if k != key])

    def test_a_user_with_orders_is_not_deleted(self):
        for response in (self.client.get(url(User, "delete", 1)), self.delete(User, 1)):
            self.assert_protected(response, "2 orders:", [link(10), link(11)])
        self.assertEqual(self.ids(User), [1, 2, 3, 4])

    def test_a_product_with_an_order_is_not_deleted(self):
        for response in (self.client.get(url(Product, "delete", 1)), self.delete(Product, 1)):
            self.assert_protected(response, "1 order:", [link(11)])
        self.assertEqual(self.ids(Product), [1, 2, 3, 4])

    def test_of_many_orders_the_number_and_the_first_are_shown(self):
        Order.objects.bulk_create(
            Order(id=number, user_id=4, product_id=1, quantity=1) for number in range(1100, 99, -1)
        )
        with self.assertNumQueries(2, using="orders"):
            response = self.client.get(url(User, "delete", 4))
        first = [link(number) for number in range(100, 120)]
        self.assert_protected(response, "1,001 orders, the first 20 of them:", first)
        self.assertContains(response, link(119))

    def test_twenty_orders_are_all_shown(self):
        Order.objects.bulk_create(
            Order(id=number, user_id=4, product_id=1, quantity=1) for number in range(100, 120)
        )
        self.assert_protected(
            self.client.get(url(User, "delete", 4)),
            "20 orders:",
            [link(number) for number in range(100, 120)],
        )

    def test_orders_that_may_not_be_viewed_are_no_links(self):
        self.log_in_with("delete_user")
        self.assert_protected(self.delete(User, 1), "2 orders:", ["Order 10", "Order 11"])

    def test_an_order_since_the_confirmation_keeps_the_user(self):
        self.assertEqual(self.client.get(url(User, "delete", 4)).context["protected"], [])
        Order.objects.create(id=13, user_id=4, product_id=1, quantity=1)
        self.assert_protected(self.delete(User, 4), "1 order:", [link(13)])
        self.assertEqual(self.ids(User), [1, 2, 3, 4])

    def test_an_order_since_the_question_keeps_the_user_and_nothing_is_logged(self):
        with self.order_appears_on("default", 'INSERT INTO "django_admin_log"'):
            response = self.delete(User, 4)
        self.assert_protected(response, "1 order:", [link(13)])
        self.assertEqual((self.ids(User), LogEntry.objects.count()), ([1, 2, 3, 4], 0))

    def test_a_deletion_is_logged(self):
        self.delete(User, 2)
        self.assertEqual([entry.object_repr for entry in LogEntry.objects.all()], ["User 2"])

    def test_other_code_that_deletes_through_the_admin_is_refused(self):
        model_admin = RecordAdmin(User, site)
        request = RequestFactory().get("/")
        for delete, numbers in (
            (lambda: model_admin.delete_model(request, User.objects.get(pk=3)), [12]),
            (lambda: model_admin.delete_queryset(request, User.objects.all()), [10, 11, 12]),
        ):
            with self.assertRaises(ProtectedError) as caught:
                delete()
            message, orders = caught.exception.args
            self.assertEqual(message, "Cannot delete users: orders refer to them.")
            self.assertEqual([order.pk for order in orders], numbers)
        self.assertEqual(self.ids(User), [1, 2, 3, 4])


class DeleteSelectedTests(DeletionTestCase):
    def test_what_no_order_refers_to_is_deleted(self):
        page = self.act(User, [2, 4])
        self.assertEqual(page.context["protected"], [])
        response = self.act(User, [2, 4], post="yes")
        self.assertEqual(self.messages(response), [("success", "Successfully deleted 2 users.")])
        self.assertEqual(self.ids(User), [1, 3])
        self.assertEqual(LogEntry.objects.count(), 2)

    def test_one_that_an_order_refers_to_keeps_all(self):
        for values in ({}, {"post": "yes"}):
            with self.assertNumQueries(2, using="orders"):
                response = self.act(User, [1, 2, 3], **values)
            self.assert_protected(response, "3 orders:", [link(10), link(11), link(12)])
        self.assertEqual(self.ids(User), [1, 2, 3, 4])

    def test_an_order_since_the_question_keeps_all_and_nothing_is_logged(self):
        with self.order_appears_on("default", 'INSERT INTO "django_admin_log"'):
            response = self.act(User, [2, 4], post="yes")
        self.assert_protected(response, "1 order:", [link(13)])
        self.assertEqual((self.ids(User), LogEntry.objects.count()), ([1, 2, 3, 4], 0))

    def test_it_is_offered_once_and_only_to_those_who_may_delete(self):
        response = self.client.get(url(User, "changelist"))
        self.assertContains(response, ">Delete selected users</option>", 1)
        self.log_in_with("change_user")
        response = self.client.get(url(User, "changelist"))
        self.assertNotContains(response, "delete_selected")

    def test_as_many_as_are_allowed_are_confirmed_and_deleted(self):
        keys = range(101, 101 + MAX_SELECTED)
        User.objects.bulk_create(User(id=key, name="Ann", email="a@b") for key in keys)
        page = self.act(User, [101], select_across="1", query="?q=Ann")
        self.assertContains(page, '<input type="hidden" name="_selected_action"', MAX_SELECTED)
        self.act(User, keys, post="yes", csrfmiddlewaretoken="any")
        self.assertEqual(self.ids(User), [1, 2, 3, 4])


class TooManyTests(DeletionTestCase):
    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        keys = range(101, 101 + MAX_SELECTED)
        User.objects.bulk_create(User(id=key, name="Ann", email="a@b") for key in keys)
        User.objects.create(id=MAX_SELECTED + 101, name="Ann", email="a@b")

    def refused(self, model, query=""):
        """Ask for the deletion of all that is shown; return the one message, and its command."""
        count = model.objects.count()
        response = self.act(model, [1], query=query, select_across="1")
        [(level, text)] = self.messages(response)
        self.assertEqual((level, model.objects.count()), ("error", count))
        message, command = text.split(": ", 1)
        return message, command

    def run_command(self, line):
        """Run the command as a shell does, and return what it prints."""
        *shell, code = shlex.split(line)
        self.assertEqual(shell, ["python", "manage.py", "shell", "-v", "0", "-c"])
        with captured_stdout() as output:
            call_command("shell", command=code, verbosity=0)
        return output.getvalue()

    def test_all_are_deleted_by_a_command_that_keeps_what_is_referred_to(self):
        message, command = self.refused(User)
        self.assertEqual(
            message,
            "1,005 users are selected, and at most 1,000 can be deleted at a time here. Nothing "
            "was deleted. This command deletes all users, except those that other records refer "
            "to, and prints how many it has deleted",
        )
        self.assertEqual(self.run_command(command), "1003\n")
        self.assertEqual((self.ids(User), len(stored(Order))), ([1, 3], 3))

    def test_for_a_part_the_command_has_a_place_for_a_condition(self):
        message, command = self.refused(User, "?q=Ann")
        self.assertEqual(
            message,
            "1,001 users are selected, and at most 1,000 can be deleted at a time here. Nothing "
            "was deleted. This command deletes the users that match your condition in filter(), "
            "except those that other records refer to, and prints how many it has deleted",
        )
        self.assertEqual(self.run_command(command), "0\n")
        self.assertEqual(self.run_command(command.replace("pk=0", "name='Ann'")), "1001\n")
        self.assertEqual(self.ids(User), [1, 2, 3, 4])

    def test_a_confirmation_of_too_many_is_refused_too(self):
        self.act(User, [1], select_across="1", post="yes")
        self.assertEqual(User.objects.count(), 1005)

    def test_no_more_than_a_page_is_read(self):
        with CaptureQueriesContext(connections["users"]) as queries:
            self.act(User, [1], select_across="1")
        asked = [query["sql"] for query in queries if "COUNT" not in query["sql"]]
        self.assertEqual([sql.partition("LIMIT ")[2] for sql in asked], ["100"])
