from django.test import SimpleTestCase

from distributed_insert.sources import MemorySource

FIELDS = ["id", "name", "price"]


class MemorySourceTests(SimpleTestCase):
    def test_records_come_in_batches_without_lines(self):
        records = [{"id": n, "name": "Lamp", "price": 1.0} for n in (1, 2, 3)]
        source = MemorySource(records)
        source.open(FIELDS)
        self.assertEqual(source.read(2), [(None, records[0]), (None, records[1])])
        self.assertEqual(source.read(2), [(None, records[2])])
        self.assertEqual(source.read(2), [])

    def test_a_row_has_the_order_of_the_fields(self):
        source = MemorySource([])
        source.open(FIELDS)
        self.assertEqual(source.row({"price": 1.0, "id": 1, "name": "Lamp"}), [1, "Lamp", 1.0])

    def test_missing_and_unknown_fields_are_told(self):
        source = MemorySource([])
        source.open(FIELDS)
        raw = {"id": 1, "name": "Lamp", "prise": 1.0}
        with self.assertRaises(KeyError):
            source.row(raw)
        with self.assertRaises(ValueError):
            source.row({**raw, "price": 1.0})
        self.assertEqual(source.fields(raw), ({"id": 1, "name": "Lamp"}, ["prise"]))
