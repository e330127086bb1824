import asyncio
from contextlib import ExitStack
from itertools import combinations, product
from types import SimpleNamespace
from unittest import mock

from django.db import connections
from django.test import SimpleTestCase

from distributed_insert.loading.all_or_nothing import AllOrNothing
from distributed_insert.two_phase import DecidingTransaction

from ..cases import MODEL_ALIASES
from ..datasets import ORDERS, PRODUCTS, USERS


class OrderTests(SimpleTestCase):
    """In which order the transactions of a load begin, each of which waits for those of others."""

    def begun(self, datasets, is_dry_run):
        """Return the aliases in the order in which their transactions begin, and the decider's."""
        begun, deciders = [], []

        def load_of(dataset):
            async def call(job, transaction):
                begun.append(dataset.using)
                if isinstance(transaction, DecidingTransaction):
                    deciders.append(dataset.using)

            return SimpleNamespace(dataset=dataset, source=True, call=call)

        loads = {dataset.model: load_of(dataset) for dataset in datasets}
        asyncio.run(AllOrNothing(loads, is_dry_run).begin())
        return begun, deciders

    def test_two_loads_cannot_wait_for_each_other(self):
        for vendors in product(("postgresql", "sqlite"), repeat=3):
            with self.subTest(vendors=vendors), ExitStack() as patches:
                for alias, vendor in zip(MODEL_ALIASES, vendors):
                    patch = mock.patch.object(connections[alias], "vendor", vendor)
                    patches.enter_context(patch)
                of_all, _ = self.begun((USERS, PRODUCTS, ORDERS), is_dry_run=True)
                for number in (1, 2, 3):
                    for datasets in combinations((PRODUCTS, ORDERS, USERS), number):
                        for is_dry_run in (True, False):
                            begun, deciders = self.begun(datasets, is_dry_run)
                            aliases = {dataset.using for dataset in datasets}
                            self.assertEqual(begun, [a for a in of_all if a in aliases])
                            self.assertIn(deciders, ([], begun[-1:]))
