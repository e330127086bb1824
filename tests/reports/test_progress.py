import io
import re
from unittest import mock

from distributed_insert.datasets import DATASETS
from distributed_insert.reports import progress

from ..cases import LoadTestCase

USERS = "id,name,email\n1,Ann,a@b\n2,,b@c\n"


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class BarsTests(LoadTestCase):
    def test_each_model_has_a_bar_with_what_was_read_and_rejected(self):
        from rich.console import Console

        from distributed_insert.loading.results import Counts
        from distributed_insert.sources.formats import file_source

        terminal = Terminal()
        sources = {d: file_source(self.file(f"{d.plural}.csv", "x" * 200)) for d in DATASETS}
        console = Console(file=terminal, force_terminal=True, width=120)
        with mock.patch.object(progress, "Console", lambda: console):
            with progress.bars(sources) as tell:
                for dataset in sources:
                    tell(dataset, Counts(read=3_000, inserted=2_999, rejected=1), 100)
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
        for name in ("orders", "users", "products"):
            self.assertRegex(text, rf"{name} +\S+ +50% +3,000 read +1 rejected +[\d,]+ records/s")
