from collections import OrderedDict, UserDict
from types import MappingProxyType

from django.test import SimpleTestCase

from distributed_insert.sources import MemorySource, Records

from ..datasets import PRODUCTS


class MemorySourceTests(SimpleTestCase):
    def opened(self, records):
        source = MemorySource(records)
        source.open(PRODUCTS)
        self.assertIs(source.check(), False)
        return source

    def test_records_come_in_batches_without_lines(self):
        records = [{"id": n, "name": "Lamp", "price": 1.0} for n in (1, 2, 3)]
        source = self.opened(records)
        self.assertEqual(
            source.read(2),
            Records([[1, 2], ["Lamp", "Lamp"], [1.0, 1.0]], records[:2], range(2), [None, None]),
        )
        self.assertEqual(
            source.read(2), Records([[3], ["Lamp"], [1.0]], records[2:], range(1), [None])
        )
        self.assertIsNone(source.read(2))

    def test_no_records_are_the_end(self):
        self.assertIsNone(self.opened([]).read(1))

    def test_columns_have_the_order_of_the_fields(self):
        raw = [{"price": 1.0, "id": 1, "name": "Lamp"}, {"id": 2, "name": "Desk", "price": 2.0}]
        self.assertEqual(self.opened(raw).read(9).columns, [[1, 2], ["Lamp", "Desk"], [1.0, 2.0]])

    def test_records_with_missing_and_unknown_fields_come_last_and_keep_their_places(self):
        whole = {"id": 2, "name": "Desk", "price": 2.0}
        few, more = {"id": 1, "name": "Lamp", "prise": 1.0}, {**whole, "prise": 1.0}
        source = self.opened([few, whole, more, 7, whole])
        records = source.read(9)
        self.assertEqual(
            records,
            Records(
                [[2, 2], ["Desk", "Desk"], [2.0, 2.0]],
                [whole, whole, few, more, 7],
                [1, 4, 0, 2, 3],
                [None] * 5,
            ),
        )
        self.assertEqual(
            source.fields(few),
            ({"id": 1, "name": "Lamp"}, ["Missing field: price", "Unknown field: prise"]),
        )
        self.assertEqual(source.fields(more), (whole, ["Unknown field: prise"]))

    def test_every_mapping_is_a_record_and_nothing_else_is_one(self):
        whole = {"id": 1, "name": "Lamp", "price": 1.0}
        mappings = [whole, OrderedDict(whole), UserDict(whole), MappingProxyType(whole)]
        others = [None, [1, "Lamp", 1.0], "id"]
        source = self.opened([*others, *mappings])
        self.assertEqual(
            source.read(9),
            Records(
                [[1] * 4, ["Lamp"] * 4, [1.0] * 4],
                [*mappings, *others],
                [3, 4, 5, 6, 0, 1, 2],
                [None] * 7,
            ),
        )
        self.assertEqual(
            [source.fields(raw) for raw in others],
            [({}, ["Record is not a mapping of fields"])] * 3,
        )
        self.assertEqual(
            source.fields(UserDict(id=1, name="Lamp")),
            ({"id": 1, "name": "Lamp"}, ["Missing field: price"]),
        )

    def test_keys_that_begin_with_an_underscore_are_ignored(self):
        record = {"id": 2, "name": "Desk", "price": 2.0, "_line": 7}
        source = self.opened([record])
        self.assertEqual(
            source.read(9), Records([[2], ["Desk"], [2.0]], [record], range(1), [None])
        )
        self.assertEqual(source.data(record), {"id": 2, "name": "Desk", "price": 2.0})

    def test_a_source_can_be_opened_again(self):
        records = [{"id": 1, "name": "Lamp", "price": 1.0}]
        source = self.opened(records)
        source.read(9)
        source.close()
        self.assertIsNone(source.read(9))
        source.open(PRODUCTS)
        self.assertEqual(source.read(9).raw_records, records)
