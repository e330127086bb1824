"""What the tests of sources share."""

import shutil
import tempfile
from itertools import chain
from pathlib import Path

from django.test import SimpleTestCase

from distributed_insert.exceptions import LoadError
from distributed_insert.sources import open_source

from ..datasets import PRODUCTS


class FormatTestCase(SimpleTestCase):
    """For tests of how products are read from files."""

    file_name = "products.csv"

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / self.file_name

    def source(self, content, **options):
        """Write the file and return its source, not yet open."""
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode())
        source = open_source(self.path, **options)
        self.addCleanup(source.close)
        return source

    def opened(self, content, **options):
        """Write the file and return its source, ready to be read."""
        source = self.source(content, **options)
        source.open(PRODUCTS)
        while source.check():
            pass
        return source

    def records(self, source, size=10):
        """Return the next records, as (line, raw) in the order of the source; None at the end."""
        records = source.read(size)
        if records is None:
            return None
        count = len(records.raw_records)
        self.assertEqual((len(records.lines), len(records.places)), (count, count))
        self.assertEqual(sorted(records.places), list(range(count)))
        indexes = sorted(range(count), key=records.places.__getitem__)
        return [(records.lines[index], records.raw_records[index]) for index in indexes]

    def all_records(self, source, size=10):
        """Return all records, as (line, raw) in the order of the source."""
        return list(chain.from_iterable(iter(lambda: self.records(source, size), None)))

    def assert_refused(self, content, message, **options):
        with self.assertRaises(LoadError) as caught:
            self.opened(content, **options)
        self.assertEqual(str(caught.exception), f"{self.path}: {message}")
