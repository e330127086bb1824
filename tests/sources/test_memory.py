from django.test import SimpleTestCase

from distributed_insert.sources.base import MemorySource

FIELDS = ["id", "name", "price"]


class MemorySourceTests(SimpleTestCase):
    def test_records_come_in_batches_without_lines(self):
        records = [{"id": n, "name": "Lamp", "price": 1.0} for n in (1, 2, 3)]
        source = MemorySource(records)
        source.open(FIELDS)
        self.assertEqual(source.read(2), ([None, None], records[:2]))
        self.assertEqual(source.read(2), ([None], records[2:]))
        self.assertEqual(source.read(2), ([], []))

    def test_columns_have_the_order_of_the_fields(self):
        source = MemorySource([])
        source.open(FIELDS)
        raws = [{"price": 1.0, "id": 1, "name": "Lamp"}, {"id": 2, "name": "Desk", "price": 2.0}]
        self.assertEqual(source.columns(raws), ([[1, 2], ["Lamp", "Desk"], [1.0, 2.0]], []))

    def test_missing_and_unknown_fields_are_told(self):
        source = MemorySource([])
        source.open(FIELDS)
        whole = {"id": 2, "name": "Desk", "price": 2.0}
        few, more = {"id": 1, "name": "Lamp", "prise": 1.0}, {**whole, "prise": 1.0}
        self.assertEqual(source.columns([few, whole, more]), ([[2], ["Desk"], [2.0]], [0, 2]))
        self.assertEqual(source.fields(few), ({"id": 1, "name": "Lamp"}, ["prise"]))
        self.assertEqual(source.fields(more), (whole, ["prise"]))
