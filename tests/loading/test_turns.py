"""How often a load waits for its servers: what a batch costs where they are far away."""

from contextlib import ExitStack
from unittest import SkipTest

from django.core.management import call_command
from django.test import TransactionTestCase, tag

from distributed_insert.loading import Options, load
from distributed_insert.models import Order, Product, User
from distributed_insert.sources import MemorySource
from distributed_insert.two_phase.decisions import create_table

from ..cases import MODEL_ALIASES, database_at, stored
from ..datasets import ORDERS, PRODUCTS, USERS
from ..proxy import Proxy
from ..servers import servers, why_not
from .cases import orders, products, users

running = ExitStack()
on_server = {}


def setUpModule():
    if why_not():
        raise SkipTest(why_not())
    for alias, server in zip(MODEL_ALIASES, running.enter_context(servers(3))):
        on_server[alias] = server
        running.enter_context(database_at(alias, server.url()))
        call_command("migrate", database=alias, verbosity=0)
    # The first load of all takes turns to make it.
    create_table("users")


def tearDownModule():
    running.close()


@tag("own_servers")
class TurnsTests(TransactionTestCase):
    databases = set(MODEL_ALIASES)
    # BEGIN and a question, the COPY, its end, COMMIT; or instead a savepoint and its end.
    expected = {"users": 4 + 1, "products": 4 + 1, "orders": 4}

    def turns(self, batches, with_rejects, **options):
        """Load so many batches of each model; return how many turns each server took."""
        numbers = range(1, 10 * batches + 1)
        sources = {USERS: users(*numbers), PRODUCTS: products(*numbers)}
        sources[ORDERS] = orders(*((n, n, n) for n in numbers))
        rejected = 0
        if with_rejects:
            for batch in range(batches):
                sources[USERS][10 * batch]["name"] = ""
                sources[PRODUCTS][10 * batch + 1]["price"] = 0
                sources[ORDERS][10 * batch + 2]["quantity"] = 0
            # Of ten orders one is at fault, and two refer to what was rejected.
            rejected = 5 * batches
        turns = {}
        with ExitStack() as passing:
            proxies = {}
            for alias, server in on_server.items():
                proxies[alias] = passing.enter_context(Proxy(server.port))
                passing.enter_context(database_at(alias, server.url(port=proxies[alias].port)))

            def on_progress(*args):
                # The end of a connection, which nobody waits for, may be counted late.
                turns.update((alias, proxy.turns) for alias, proxy in proxies.items())

            memory = {dataset: MemorySource(records) for dataset, records in sources.items()}
            options = Options(batch_size=10, workers="thread", **options)
            outcome = load(memory, options, on_progress=on_progress)
        self.assertIsNone(outcome.error)
        counts = [model.counts for model in outcome.models]
        self.assertEqual(sum(each.read for each in counts), 30 * batches)
        self.assertEqual(sum(each.rejected for each in counts), rejected)
        return turns

    def assert_turns_per_batch(self, with_rejects, **options):
        few = self.turns(2, with_rejects, **options)
        for model in (Order, User, Product):
            model.objects.all().delete()
        many = self.turns(7, with_rejects, **options)
        per_batch = {alias: (many[alias] - few[alias]) / 5 for alias in few}
        # For each batch of orders, users and products are asked which are missing.
        self.assertEqual(per_batch, self.expected)

    def test_a_batch_takes_four_turns(self):
        self.assert_turns_per_batch(with_rejects=False)
        self.assertEqual(len(stored(Order)), 70)

    def test_the_question_about_rejects_takes_none(self):
        self.assert_turns_per_batch(with_rejects=True)
        self.assertEqual(len(stored(Order)), 70 - 21)

    def test_a_batch_of_a_load_in_one_transaction_takes_four(self):
        self.assert_turns_per_batch(with_rejects=False, all_or_nothing=True)
        self.assertEqual(len(stored(Order)), 70)

    def test_the_question_takes_none_in_one_transaction_either(self):
        self.assert_turns_per_batch(with_rejects=True, dry_run=True)
        self.assertEqual(stored(Order), [])
