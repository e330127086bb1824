import random

from django.test import SimpleTestCase

from distributed_insert.loading.batch import (
    CONFLICT,
    FIELD,
    REFERENCE,
    RULE,
    Batch,
    already_exists,
)
from distributed_insert.sources import TYPED, MemorySource

from ..datasets import ORDERS, USERS
from .cases import orders, users


def batch_of(raw, dataset=USERS):
    source = MemorySource(raw)
    source.open(dataset)
    return Batch(dataset, source, dataset.rules(TYPED), source.read(len(raw)))


def errors(batch):
    """Return the errors of the rejects by their records' places, in the order of the source."""
    return [(batch.place(index), batch.errors(index)) for index in batch.rejects()]


NAMELESS = {"id": 1, "name": "", "email": "a@b"}
EMAILLESS = {"id": 1, "name": "Ann"}
MORE = {**users(1)[0], "age": 9}


class RuleTests(SimpleTestCase):
    def test_records_without_fault_are_accepted_as_columns(self):
        batch = batch_of([*users(1, 2), {"email": " c@d ", "name": "Cid ", "id": 3}])
        indexes, columns = batch.accepted()
        self.assertEqual(list(indexes), [0, 1, 2])
        self.assertEqual(
            columns,
            [
                [1, 2, 3],
                ["User 1", "User 2", "Cid"],
                ["1@example.com", "2@example.com", "c@d"],
            ],
        )
        self.assertEqual((len(batch), batch.rejected, errors(batch)), (3, 0, []))

    def test_errors_are_those_of_their_records_among_others(self):
        batch = batch_of([EMAILLESS, *users(2), NAMELESS, MORE, *users(3), {"id": 0}, *users(4)])
        self.assertEqual(
            errors(batch),
            [
                (0, ["Missing field: email"]),
                (2, ["Name cannot be empty"]),
                (3, ["Unknown field: age"]),
                (
                    5,
                    [
                        "ID must be a positive integer",
                        "Missing field: name",
                        "Missing field: email",
                    ],
                ),
            ],
        )
        indexes, [ids, _, _] = batch.accepted()
        self.assertEqual([batch.place(index) for index in indexes], [1, 4, 6])
        self.assertEqual(ids, [2, 3, 4])
        self.assertEqual((len(batch), batch.rejected), (7, 4))

    def test_a_reject_has_its_raw_record_and_line(self):
        raw = [EMAILLESS, *users(2), NAMELESS]
        batch = batch_of(raw)
        self.assertEqual([batch.raw(index) for index in batch.rejects()], [EMAILLESS, NAMELESS])
        self.assertEqual([batch.line(index) for index in batch.rejects()], [None, None])

    def test_indexes_are_put_in_the_order_of_the_source(self):
        batch = batch_of([EMAILLESS, *users(2), MORE, *users(3)])
        self.assertEqual([batch.place(index) for index in batch.in_order(range(4))], [0, 1, 2, 3])

    def test_every_reject_has_a_reason_whatever_the_records(self):
        chance = random.Random(4)
        values = {"id": [1, 0, "1"], "name": ["Ann", "", None], "email": ["a@b", 7], "age": [9]}
        for _ in range(200):
            raw = [
                {
                    name: chance.choice(options)
                    for name, options in values.items()
                    if chance.random() < (0.2 if name == "age" else 0.8)
                }
                for _ in range(5)
            ]
            batch = batch_of(raw)
            indexes, _ = batch.accepted()
            rejects = batch.rejects()
            self.assertEqual(sorted([*indexes, *rejects]), [0, 1, 2, 3, 4])
            for index in rejects:
                self.assertTrue(all(batch.errors(index)) and batch.errors(index), raw)


class RejectTests(SimpleTestCase):
    def test_a_record_cannot_be_rejected_without_a_reason(self):
        batch = batch_of(users(1))
        batch.reject(0, RULE)
        self.assertEqual((batch.rejected, list(batch.accepted()[0])), (0, [0]))

    def test_a_rejected_record_is_not_accepted(self):
        batch = batch_of(users(1, 2, 3))
        batch.reject(1, CONFLICT, "No.", "Not so.")
        indexes, columns = batch.accepted()
        self.assertEqual((indexes, columns[0]), ([0, 2], [1, 3]))
        self.assertEqual(errors(batch), [(1, ["No.", "Not so."])])

    def test_errors_are_in_the_order_of_their_kinds(self):
        batch = batch_of(users(1))
        for kind, message in ((FIELD, "4"), (RULE, "2"), (REFERENCE, "3"), (RULE, "1")):
            batch.reject(0, kind, message)
        batch.reject(0, CONFLICT, "9", "8")
        self.assertEqual(batch.errors(0), ["9", "8", "2", "1", "3", "4"])


class ReasonTests(SimpleTestCase):
    def test_each_error_has_a_reason_without_what_differs(self):
        raw = [*orders((1, 7, 8), (2, 7, 8)), {"id": 3, "quantity": 0, "user_id": 9, "x": 1}]
        batch = batch_of(raw, ORDERS)
        batch.check_references({"user_id": {7, 9}, "product_id": {8}})
        batch.check_conflicts({2: 3}, {3})
        batch.reject(1, CONFLICT, "Refused by the database: no", reason="Refused by the database")
        no_user = "Invalid reference: user does not exist"
        no_product = "Invalid reference: product does not exist"
        self.assertEqual(
            [list(batch.reasons([index])) for index in batch.rejects()],
            [
                [no_user, no_product],
                [no_user, no_product, "Refused by the database"],
                [
                    "Quantity must be positive",
                    "Missing field: product_id",
                    "Unknown field: x",
                    no_user,
                    "ID already exists",
                ],
            ],
        )
        self.assertEqual(list(batch.reasons([0, 0])), [no_user, no_product] * 2)


class ReferenceTests(SimpleTestCase):
    def referring(self):
        return batch_of(
            [
                {"id": 1, "user_id": 7},
                *orders((2, 1, 1), (3, 7, 1), (4, 1, 8)),
                {"id": 5, "user_id": 7, "product_id": 8, "quantity": 0},
                {"id": 6, "user_id": 0, "product_id": 8, "quantity": 1},
                {"id": 7, "user_id": 7, "product_id": 8, "quantity": 1, "colour": "red"},
                *orders((8, 7, 8), (9, 1, 1)),
            ],
            ORDERS,
        )

    def test_all_valid_ids_are_referred_to_also_those_of_rejects(self):
        self.assertEqual(self.referring().referred_ids(), {"user_id": {1, 7}, "product_id": {1, 8}})
        self.assertEqual(
            batch_of([{"id": 1, "user_id": 3}, {"product_id": 4}], ORDERS).referred_ids(),
            {"user_id": {3}, "product_id": {4}},
        )

    def test_a_model_without_references_refers_to_nothing(self):
        batch = batch_of(users(1))
        self.assertEqual(batch.referred_ids(), {})
        batch.check_references({})
        self.assertEqual(errors(batch), [])

    def test_records_that_refer_to_a_missing_id_are_rejected(self):
        batch = self.referring()
        batch.check_references({"user_id": {7}, "product_id": {8}})
        user, product = (
            "Invalid reference: user 7 does not exist",
            "Invalid reference: product 8 does not exist",
        )
        self.assertEqual(
            errors(batch),
            [
                (0, [user, "Missing field: product_id", "Missing field: quantity"]),
                (2, [user]),
                (3, [product]),
                (4, ["Quantity must be positive", user, product]),
                (5, ["User ID must be a positive integer", product]),
                (6, [user, product, "Unknown field: colour"]),
                (7, [user, product]),
            ],
        )
        self.assertEqual(batch.accepted()[1][0], [2, 9])

    def test_nothing_missing_is_no_error(self):
        batch = batch_of(orders((1, 1, 1)), ORDERS)
        batch.check_references({"user_id": set(), "product_id": set()})
        self.assertEqual(errors(batch), [])

    def test_a_field_at_fault_refers_to_nothing(self):
        raw = [{"id": 1, "user_id": -7, "product_id": 1, "quantity": 1}]
        batch = batch_of(raw, ORDERS)
        self.assertEqual(batch.referred_ids(), {"user_id": set(), "product_id": {1}})
        batch.check_references({"user_id": set(), "product_id": {1}})
        self.assertEqual(
            errors(batch),
            [
                (
                    0,
                    [
                        "User ID must be a positive integer",
                        "Invalid reference: product 1 does not exist",
                    ],
                )
            ],
        )


class ConflictTests(SimpleTestCase):
    def test_rejects_whose_id_is_stored_are_reported_as_conflicts_too(self):
        batch = batch_of([NAMELESS, EMAILLESS, *users(3), {"id": 2, "name": "", "email": "a@b"}])
        batch.check_conflicts(batch.rejected_ids(), {1})
        self.assertEqual(
            errors(batch),
            [
                (0, ["ID 1 already exists", "Name cannot be empty"]),
                (1, ["ID 1 already exists", "Missing field: email"]),
                (3, ["Name cannot be empty"]),
            ],
        )

    def test_an_id_is_taken_by_an_earlier_record_that_is_accepted(self):
        batch = batch_of([NAMELESS, EMAILLESS, *users(1), NAMELESS, EMAILLESS])
        batch.check_conflicts(batch.rejected_ids(), set())
        self.assertEqual(
            errors(batch),
            [
                (0, ["Name cannot be empty"]),
                (1, ["Missing field: email"]),
                (3, ["ID 1 already exists", "Name cannot be empty"]),
                (4, ["ID 1 already exists", "Missing field: email"]),
            ],
        )

    def test_the_ids_of_rejects_are_those_that_are_valid(self):
        batch = batch_of([*users(2, 0), NAMELESS, {"id": 0}, EMAILLESS, {"name": "Ann"}])
        self.assertEqual(
            {batch.place(index): key for index, key in batch.rejected_ids().items()}, {2: 1, 4: 1}
        )
        self.assertEqual(batch_of(users(2)).rejected_ids(), {})

    def test_an_id_is_not_taken_by_a_record_that_was_rejected_meanwhile(self):
        batch = batch_of([*users(1), NAMELESS])
        rejected_ids = batch.rejected_ids()
        batch.reject(0, CONFLICT, "Refused by the database: no")
        batch.check_conflicts(rejected_ids, set())
        self.assertEqual(
            errors(batch), [(0, ["Refused by the database: no"]), (1, ["Name cannot be empty"])]
        )

    def test_the_message_names_the_id(self):
        self.assertEqual(already_exists(7), "ID 7 already exists")
