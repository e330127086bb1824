import io
import re
from unittest import mock

from distributed_insert.datasets import DATASETS
from distributed_insert.loading import Counts
from distributed_insert.sources import MemorySource, open_source

from ..cases import LoadTestCase, needs


@needs("rich", "rich")
class BarsTests(LoadTestCase):
    def sent(self, sources, counts, bytes_read):
        """Return what a terminal is sent when so much of each source has been read."""
        from rich.console import Console

        from distributed_insert.reports import progress

        terminal = io.StringIO()
        console = Console(file=terminal, force_terminal=True, width=120)
        with mock.patch.object(progress, "Console", lambda: console):
            with progress.bars(sources) as on_progress:
                for dataset in sources:
                    on_progress(dataset, counts, bytes_read)
        return terminal.getvalue()

    def shown(self, *progress):
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.sent(*progress))

    def test_each_model_has_a_bar_with_what_was_read_and_rejected(self):
        sources = {d: open_source(self.file(f"{d.plural}.csv", "x" * 200)) for d in DATASETS}
        text = self.shown(sources, Counts(read=3_000, inserted=2_999, rejected=1), 100)
        for name in ("orders", "users", "products"):
            self.assertRegex(text, rf"{name} +\S+ +50% +3,000 read +1 rejected +[\d,]+ records/s")

    def test_a_source_of_unknown_size_has_a_bar_too(self):
        [orders, *_] = DATASETS
        text = self.shown({orders: MemorySource([])}, Counts(read=3_000, inserted=3_000), 0)
        self.assertRegex(text, r"orders +\S+ +3,000 read +0 rejected +[\d,]+ records/s")

    def test_the_bars_go_away_at_the_end(self):
        sources = {dataset: MemorySource([]) for dataset in DATASETS}
        up_and_erased = "\x1b[1A\x1b[2K"
        self.assertTrue(self.sent(sources, Counts(), 0).endswith(up_and_erased * 3))
