import io
import re
from unittest import mock

from django.test import SimpleTestCase

from distributed_insert.datasets import DATASETS
from distributed_insert.loading import Counts

from ..cases import needs
from ..datasets import ORDERS, PRODUCTS, USERS


@needs("rich", "rich")
class BarsTests(SimpleTestCase):
    """What a terminal is sent; the clock shows what the tests say, in seconds."""

    def sent(self, *steps, datasets=DATASETS, width=120):
        """Go through steps, each a time and what `load` says then, and return what is sent."""
        from rich.console import Console

        from distributed_insert.reports import progress

        terminal = io.StringIO()
        console = Console(file=terminal, force_terminal=True, width=width)
        console.get_time = lambda: self.now
        self.now = 0.0
        with mock.patch.object(progress, "Console", lambda file: console):
            with progress.bars(datasets, terminal) as on_progress:
                for self.now, *what in steps:
                    on_progress(*what)
        return terminal.getvalue()

    def shown(self, *steps, **how):
        """Return the last bars that were shown, each as a line without its bar."""
        frames = self.sent(*steps, **how).split("\x1b[2K")
        frames = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame) for frame in frames]
        lines = [frame for frame in frames if frame.strip()][-1].strip("\r\n").splitlines()
        self.assertEqual({len(line) for line in lines}, {how.get("width", 120)})
        return [re.sub(" +", " ", re.sub("[━╸╺]+", "", line)).strip() for line in lines]

    def test_each_model_has_a_bar_with_what_was_read_and_rejected(self):
        for width in (80, 120):
            with self.subTest(width=width):
                self.assertEqual(
                    self.shown(
                        (1.0, USERS, Counts(read=3_000_000, rejected=1), 0.5),
                        (2.0, PRODUCTS, Counts(read=5_000, rejected=20_000), 0.1),
                        width=width,
                    ),
                    [
                        "orders 0 read 0 rejected waits for users and products",
                        "users 50% 3,000,000 read 1 rejected 1,500,000/s",
                        "products 10% 5,000 read 20,000 rejected 2,500/s",
                    ],
                )

    def test_the_time_left_comes_from_the_share(self):
        steps = [(second, USERS, Counts(read=5 * second), second / 100) for second in range(1, 11)]
        self.assertEqual(
            self.shown(*steps, datasets=[USERS])[0],
            "users 10% 50 read 0 rejected 5/s, 0:01:30 left",
        )

    def test_a_source_of_unknown_size_has_a_bar_and_no_time_left(self):
        steps = [(second, USERS, Counts(read=5 * second), 0.0) for second in range(1, 11)]
        self.assertEqual(self.shown(*steps, datasets=[USERS]), ["users 50 read 0 rejected 5/s"])
        self.assertEqual(
            self.shown(*steps, (10, USERS, Counts(read=50), None), datasets=[USERS]),
            ["users 100% 50 read 0 rejected 5/s"],
        )

    def test_orders_say_what_they_wait_for_and_a_finished_model_keeps_its_rate(self):
        steps = (
            (5.0, USERS, Counts(read=100), 0.9),
            (10.0, USERS, Counts(read=200), None),
            (20.0, PRODUCTS, Counts(read=100), 0.9),
            (40.0, PRODUCTS, Counts(read=200), None),
            (50.0, ORDERS, Counts(read=30), 0.3),
        )
        finished = "100% 200 read 0 rejected"
        for number, lines in (
            (
                3,
                [
                    "orders 0 read 0 rejected waits for products",
                    f"users {finished} 20/s",
                    "products 90% 100 read 0 rejected 5/s",
                ],
            ),
            (
                5,
                [
                    "orders 30% 30 read 0 rejected 3/s",
                    f"users {finished} 20/s",
                    f"products {finished} 5/s",
                ],
            ),
        ):
            with self.subTest(number=number):
                self.assertEqual(self.shown(*steps[:number]), lines)

    def test_orders_wait_for_nothing_that_is_not_loaded(self):
        self.assertEqual(
            self.shown((2.0, ORDERS, Counts(read=30), 0.3), datasets=[ORDERS]),
            ["orders 30% 30 read 0 rejected 15/s"],
        )

    def test_the_bars_go_away_at_the_end(self):
        self.assertTrue(self.sent((1.0, USERS, Counts(), 0.5)).endswith("\x1b[1A\x1b[2K" * 3))
