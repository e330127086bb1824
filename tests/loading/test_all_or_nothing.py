import asyncio
from contextlib import ExitStack
from itertools import combinations, product
from types import SimpleNamespace
from unittest import mock
from uuid import uuid4

from django.db import connections
from django.test import SimpleTestCase

from distributed_insert.exceptions import LoadError
from distributed_insert.loading.all_or_nothing import AllOrNothing, recover_earlier
from distributed_insert.two_phase import DecidingTransaction, Ended, Gid, Verdict

from ..cases import MODEL_ALIASES
from ..datasets import ORDERS, PRODUCTS, USERS

WILL_BE = (
    "What is prepared will be rolled back by the next load or by: python manage.py recover_load"
)


def ended(own, load, using, verdict):
    gid = Gid("users", "9dcf", own if load == "own" else load, f"{using}.product")
    return Ended(using, gid, verdict, "")


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
        asyncio.run(AllOrNothing(loads, is_dry_run, uuid4().hex).begin())
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
                            decider = [] if is_dry_run else begun[-1:]
                            self.assertIn(deciders, ([], decider))


class SettlementTests(SimpleTestCase):
    """What a load finds out that could not end its transactions."""

    def settled(self, verdict, *found):
        """Have the commit of a load of all models fail where it is decided; return what it says."""
        with ExitStack() as patches:
            for alias in MODEL_ALIASES:
                patches.enter_context(mock.patch.object(connections[alias], "vendor", "postgresql"))

            async def call(job, *args):
                if job == "commit":
                    raise LoadError("Lost.")

            loads = {
                dataset.model: SimpleNamespace(dataset=dataset, source=True, call=call)
                for dataset in (USERS, PRODUCTS, ORDERS)
            }
            transactions = AllOrNothing(loads, is_dry_run=False, load_id=uuid4().hex)
            errors = asyncio.run(transactions.commit())
            own = transactions._load
            answers = [(verdict, ""), ([ended(own, *each) for each in found], {})]
            name = "distributed_insert.loading.all_or_nothing.on_own_connections"
            patches.enter_context(mock.patch(name, side_effect=answers))
            return [str(error) for error in transactions.settle(errors)]

    def test_what_another_load_has_prepared_is_not_its_own(self):
        for load, said in (("another", []), ("own", [WILL_BE])):
            with self.subTest(load=load):
                found = (load, "products", Verdict.ALIVE)
                self.assertEqual(self.settled(Verdict.ROLL_BACK, found), ["Lost.", *said])


class EarlierLoadTests(SimpleTestCase):
    """What a load says about what an earlier one has prepared."""

    def test_what_cannot_be_ended_is_an_error_unless_a_signal_has_stopped_it(self):
        left = ended("", "another", "products", Verdict.COMMIT)._replace(problem="No answer")

        async def call(job):
            return [left.gid]

        name = "distributed_insert.loading.all_or_nothing.on_own_connections"
        for signal, told in ((None, [left.message]), (15, [])):
            with self.subTest(signal=signal), mock.patch(name, return_value=([left], {})):
                loads = [SimpleNamespace(call=call)]
                found, errors = asyncio.run(recover_earlier(loads, lambda signal=signal: signal))
                self.assertEqual((found, [str(error) for error in errors]), ([], told))
