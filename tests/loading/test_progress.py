"""What a program is told while a load runs."""

from django.db import connections

from distributed_insert.loading import Options, load
from distributed_insert.loading.results import Counts
from distributed_insert.sources import open_source

from ..cases import PopulateTestCase
from ..datasets import PRODUCTS, USERS


class ProgressTests(PopulateTestCase):
    def test_each_batch_is_told_and_the_end(self):
        users = self.file("users.csv", "id,name,email\n1,A,a@b\n2,,a@b\n3,C,a@b\n")
        products = self.file("products.csv", "id,name,price\n1,Lamp,9.5\n")
        connections.close_all()
        told = {USERS: [], PRODUCTS: []}
        load(
            {USERS: open_source(users), PRODUCTS: open_source(products)},
            Options(batch_size=2, workers=self.workers, scheduler=self.scheduler, wait=60),
            on_progress=lambda dataset, *what: told[dataset].append(what),
        )
        both, all_three = Counts(2, inserted=1, rejected=1), Counts(3, inserted=2, rejected=1)
        self.assertEqual(
            told,
            {
                USERS: [(both, 1.0), (all_three, 1.0), (all_three, None)],
                PRODUCTS: [(Counts(1, inserted=1), 1.0), (Counts(1, inserted=1), None)],
            },
        )
