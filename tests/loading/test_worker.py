from unittest import mock

from django.db import OperationalError, connections, transaction

from distributed_insert import references
from distributed_insert.exceptions import Interrupted, LoadError, UnconfirmedCommit
from distributed_insert.loading import Counts, Options, Reject, base_worker, storing
from distributed_insert.loading.base_worker import Worker
from distributed_insert.loading.results import KEPT_REJECTS
from distributed_insert.loading.worker import LoadingWorker
from distributed_insert.models import Order, User
from distributed_insert.sources import MemorySource, open_source
from distributed_insert.two_phase import Transaction

from ..cases import LoadTestCase, stored
from ..datasets import ORDERS, USERS
from .cases import TriggerTestCase, orders, users

ENDED = "Database 'users' ended the transaction by itself, as a trigger can: "
LEFT_OUT = "Refused by the database: the row was skipped, possibly by a trigger"
LOAD_ID = "0123456789abcdef0123456789abcdef"


def records(*numbers):
    """Return users; the one with number 0 is to be rejected for two reasons."""
    return [{"id": n, "name": "Ann" if n else "", "email": "a@b"} for n in numbers]


class WorkerTestCase(LoadTestCase):
    def worker(self, source, dataset=USERS, **options):
        worker = LoadingWorker(dataset, source, Options(**options), LOAD_ID)
        self.addCleanup(worker.close)
        return worker

    def opened(self, raw, dataset=USERS, **options):
        """Return a worker that is ready to read; `raw` is a list of records or the text of CSV."""
        if isinstance(raw, str):
            source = open_source(self.file("users.csv", f"id,name,email\n{raw}"))
        else:
            source = MemorySource(raw)
        worker = self.worker(source, dataset, **options)
        worker.open()
        while worker.check():
            pass
        if options.get("all_or_nothing"):
            worker.begin(Transaction("users"))
        return worker

    def write(self, worker, missing=None, rejects_left=None):
        """Have the next batch read and written, and return the result."""
        self.assertIsNotNone(worker.read())
        return worker.write(missing or {}, rejects_left)

    def rejects(self, path="rejects/users.csv"):
        path = self.folder / path
        return path.read_text() if path.exists() else None


class DoTests(WorkerTestCase):
    """How a job ends whose database fails."""

    failed = OperationalError("the connection is closed")
    silent = Exception("the server has not answered for 2 s")

    def do(self, failure=None, was_interrupted=False):
        worker = self.worker(MemorySource([]))
        worker._watch = mock.Mock(failure=failure, was_interrupted=was_interrupted)
        with mock.patch.object(worker, "missing", side_effect=self.failed):
            with self.assertRaises(LoadError) as caught:
                worker.do("missing", [1])
        return type(caught.exception), str(caught.exception)

    def test_an_error_names_the_database(self):
        self.assertEqual(self.do(), (LoadError, "Database 'users': the connection is closed"))

    def test_what_comes_after_a_server_was_given_up_is_no_other_error(self):
        for was_interrupted, kind in ((False, LoadError), (True, Interrupted)):
            with self.subTest(was_interrupted=was_interrupted):
                self.assertEqual(
                    self.do(self.silent, was_interrupted),
                    (kind, "Database 'users': the server has not answered for 2 s"),
                )

    def test_a_job_has_its_arguments_and_its_result(self):
        User.objects.create(id=1, name="Ann", email="a@b")
        worker = self.worker(MemorySource([]))
        self.assertEqual(worker.do("missing", [1, 2]), {2})


class BatchTests(WorkerTestCase):
    def test_a_batch_is_committed_when_it_is_written(self):
        worker = self.opened(records(1, 2, 3), batch_size=2)
        self.assertEqual(worker.read(), {})
        result = worker.write({}, None)
        self.assertEqual((result.counts, result.rejects), (Counts(read=2, inserted=2), []))
        self.assertFalse(connections["users"].in_atomic_block)
        self.assertEqual([row[0] for row in stored(User)], [1, 2])

    def test_batches_are_written_in_the_order_they_were_read(self):
        worker = self.opened(records(1, 2), batch_size=1)
        self.assertEqual([worker.read(), worker.read(), worker.read()], [{}, {}, None])
        for number in (1, 2):
            worker.write({}, None)
            self.assertEqual([row[0] for row in stored(User)], list(range(1, number + 1)))

    def test_a_batch_refers_to_the_ids_of_its_valid_fields(self):
        raw = orders((1, 7, 8), (2, 7, 9), (3, 0, 10))
        worker = self.opened([*raw, {"id": 4, "user_id": 11}], ORDERS)
        ids = worker.read()
        self.assertEqual({name: sorted(ids[name]) for name in ids}, {
            "user_id": [7, 11],
            "product_id": [8, 9, 10],
        })  # fmt: skip

    def test_the_ids_that_are_missing_are_those_not_stored(self):
        worker = self.opened(records(1))
        self.write(worker)
        self.assertEqual(worker.missing([1, 2, 3]), {2, 3})

    def test_what_was_found_is_not_asked_for_again(self):
        worker = self.opened(users(1, 3))
        self.write(worker)
        asked = []

        def missing_ids(model, using, ids):
            asked.append(sorted(ids))
            return references.missing_ids(model, using, ids)

        limit = mock.patch.object(base_worker, "REMEMBERED_IDS", 3)
        with limit, mock.patch.object(base_worker, "missing_ids", missing_ids):
            answers = [worker.missing(ids) for ids in ([1, 2], [1, 2, 3], [1], [3])]
        self.assertEqual(answers, [{2}, {2}, set(), set()])
        self.assertEqual(asked, [[1, 2], [2, 3], [3]])

    def test_records_that_refer_to_what_is_missing_are_rejected(self):
        worker = self.opened(orders((1, 7, 8), (2, 7, 9), (3, 6, 9)), ORDERS)
        result = self.write(worker, {"user_id": {6}, "product_id": {8, 10}})
        self.assertEqual(result.counts, Counts(read=3, inserted=1, rejected=2))
        self.assertEqual(
            [(reject.number, reject.errors) for reject in result.rejects],
            [
                (1, ["Invalid reference: product 8 does not exist"]),
                (3, ["Invalid reference: user 6 does not exist"]),
            ],
        )
        self.assertEqual(stored(Order), [(2, 7, 9, 1)])

    def test_records_are_numbered_and_have_lines_over_all_batches(self):
        for batch_size in (1, 2, 3, 9):
            with self.subTest(batch_size=batch_size):
                worker = self.opened("1,Ann,a@b\n\n2\n3,,c@d\n", batch_size=batch_size)
                rejects = []
                while worker.read() is not None:
                    rejects += worker.write({}, None).rejects
                self.assertEqual(
                    rejects,
                    [
                        Reject(2, 4, {"id": "2"}, ["Missing field: name", "Missing field: email"]),
                        Reject(
                            3, 5, {"id": "3", "name": "", "email": "c@d"}, ["Name cannot be empty"]
                        ),
                    ],
                )
                User.objects.all().delete()

    def test_only_the_first_rejects_are_kept(self):
        worker = self.opened(records(*[0] * 30), batch_size=15)
        first, second = self.write(worker), self.write(worker)
        self.assertEqual([reject.number for reject in first.rejects], list(range(1, 16)))
        self.assertEqual(
            [reject.number for reject in second.rejects], list(range(16, KEPT_REJECTS + 1))
        )
        self.assertEqual(second.counts, Counts(read=15, rejected=15))

    def test_as_many_rejects_are_kept_as_are_asked_for(self):
        for kept_rejects, expected in ((None, 30), (17, 17), (0, 0)):
            with self.subTest(kept_rejects=kept_rejects):
                source = MemorySource(records(*[0] * 30))
                worker = LoadingWorker(USERS, source, Options(batch_size=15), LOAD_ID, kept_rejects)
                self.addCleanup(worker.close)
                worker.open()
                rejects = [*self.write(worker).rejects, *self.write(worker).rejects]
                self.assertEqual([r.number for r in rejects], list(range(1, expected + 1)))

    def test_the_reasons_of_all_rejects_are_counted(self):
        worker = self.opened(records(*[0] * 30, 1, 1), batch_size=16)
        reasons = {"ID must be a positive integer": 16, "Name cannot be empty": 16}
        self.assertEqual(self.write(worker).reasons, reasons)
        self.assertEqual(
            self.write(worker).reasons, {**dict.fromkeys(reasons, 14), "ID already exists": 1}
        )

    def test_the_share_read_is_that_when_the_batch_was_read(self):
        content = "".join(f"{number},Ann,a@b\n" for number in range(1, 100_001))
        worker = self.opened(content, batch_size=60_000)
        worker.read()
        worker.read()
        first, second = worker.write({}, None), worker.write({}, None)
        self.assertLess(first.share_read, 1.0)
        self.assertEqual(second.share_read, 1.0)

    def test_more_rejects_than_allowed_roll_the_batch_back_and_are_counted(self):
        worker = self.opened(records(1, 0), rejects=str(self.folder / "rejects"))
        result = self.write(worker, rejects_left=0)
        self.assertEqual(result.counts, Counts(read=1, rejected=1))
        self.assertEqual([reject.number for reject in result.rejects], [2])
        self.assertEqual(
            result.reasons, {"ID must be a positive integer": 1, "Name cannot be empty": 1}
        )
        self.assertEqual(stored(User), [])

    def test_as_many_rejects_as_allowed_are_no_reason_to_roll_back(self):
        result = self.write(self.opened(records(1, 0)), rejects_left=1)
        self.assertEqual(result.counts, Counts(read=2, inserted=1, rejected=1))
        self.assertEqual(stored(User), [(1, "Ann", "a@b")])

    def test_an_error_rolls_the_batch_back(self):
        worker = self.opened(records(1))
        worker.read()
        # The rejects file is written last.
        with mock.patch.object(worker, "_write_rejects", side_effect=OperationalError("full")):
            with self.assertRaisesMessage(OperationalError, "full"):
                worker.write({}, None)
        self.assertFalse(connections["users"].in_atomic_block)
        self.assertEqual(stored(User), [])


class FailedWriteTests(WorkerTestCase):
    def test_no_batch_is_written_after_one_that_failed(self):
        """It may have been asked for before the coordinator knew."""
        worker = self.opened(records(1, 2), batch_size=1)
        for _ in range(2):
            worker.read()
        failure = LoadError("rejects/users.csv: the disk is full.")
        with mock.patch.object(worker, "_store", side_effect=failure):
            with self.assertRaisesMessage(LoadError, "the disk is full"):
                worker.write({}, None)
        with self.assertRaisesMessage(LoadError, "A batch before this one was not written."):
            worker.write({}, None)
        worker.close()
        self.assertEqual(stored(User), [])


class OpenTests(WorkerTestCase):
    def test_error_for_a_table_that_does_not_exist(self):
        with mock.patch.object(User._meta, "db_table", "nowhere"):
            with self.assertRaises(LoadError) as caught:
                self.opened([])
        self.assertEqual(
            str(caught.exception),
            "Database 'users' has no table for User records. "
            "Create it with: python manage.py migrate --database=users",
        )

    def test_the_path_of_the_rejects_file_is_returned_and_at_last_only_if_it_has_any(self):
        path = str(self.folder / "rejects" / "users.csv")
        for numbers, written in (("1,Ann,a@b", None), ("0,Ann,a@b", path)):
            source = open_source(self.file("users.csv", f"id,name,email\n{numbers}\n"))
            worker = self.worker(source, rejects=str(self.folder / "rejects"))
            self.assertEqual(worker.open(), path)
            self.assertFalse(worker.check())
            self.write(worker)
            self.assertEqual(worker.close(), written)

    def test_without_a_folder_for_rejects_there_is_no_path(self):
        worker = self.worker(MemorySource([]))
        self.assertIsNone(worker.open())
        self.assertIsNone(worker.close())

    def test_a_worker_without_a_source_is_there_to_be_asked(self):
        worker = Worker(USERS)
        self.assertIsNone(worker.open())
        self.assertEqual(worker.missing([7]), {7})
        self.assertIsNone(worker.close())
        self.assertIsNone(connections["users"].connection)

    def test_its_source_is_closed_with_a_worker(self):
        worker = self.opened("1,Ann,a@b\n")
        with mock.patch.object(worker._source, "close", wraps=worker._source.close) as close:
            worker.close()
        close.assert_called_once_with()

    def test_a_worker_that_failed_to_open_can_be_closed(self):
        worker = self.worker(open_source(self.folder / "none.csv"))
        with self.assertRaisesMessage(LoadError, "none.csv: No such file or directory."):
            worker.open()
        worker.close()
        self.assertIsNone(connections["users"].connection)


class OneTransactionTests(WorkerTestCase):
    def test_nothing_is_stored_before_the_commit(self):
        worker = self.opened(records(1, 2), all_or_nothing=True, batch_size=1)
        for _ in range(2):
            self.assertEqual(self.write(worker).counts, Counts(read=1, inserted=1))
            self.assertTrue(connections["users"].in_atomic_block)
        self.assertEqual(worker.missing([1, 2, 3]), {3})
        worker.prepare(None)
        worker.commit()
        self.assertFalse(connections["users"].in_atomic_block)
        worker.close()
        self.assertEqual([row[0] for row in stored(User)], [1, 2])

    def test_rolling_back_stores_nothing(self):
        worker = self.opened(records(1), all_or_nothing=True)
        self.write(worker)
        worker.close()
        self.assertFalse(connections["users"].in_atomic_block)
        self.assertEqual(stored(User), [])

    def test_closing_rolls_back_what_is_not_committed(self):
        worker = self.opened(records(1), all_or_nothing=True)
        self.write(worker)
        worker.close()
        self.assertIsNone(connections["users"].connection)
        self.assertEqual(stored(User), [])

    def test_an_error_of_a_savepoint_leaves_no_doubt(self):
        worker = self.opened(records(1), all_or_nothing=True)
        worker.read()
        errors = [OperationalError("disk I/O error"), None]
        with mock.patch.object(connections["users"], "savepoint_commit", side_effect=errors):
            with self.assertRaisesMessage(OperationalError, "disk I/O error"):
                worker.write({}, None)

    def test_error_for_a_transaction_that_can_only_be_rolled_back(self):
        worker = self.opened(records(1), all_or_nothing=True)
        self.write(worker)
        transaction.set_rollback(True, using="users")
        with self.assertRaises(LoadError) as caught:
            worker.prepare(None)
        self.assertEqual(
            str(caught.exception), "Database 'users' can no longer commit its transaction."
        )


class ConflictTests(WorkerTestCase):
    """What becomes of records whose id exists; each test at several batch sizes."""

    sizes = (1, 2, 3, 4, 5, 6)

    def loaded(self, content, batch_size, **options):
        """Store Ann 1 and Ben 2, load the content, and return the counts, the errors and rows."""
        User.objects.all().delete()
        User.objects.create(id=1, name="Ann", email="a@b")
        User.objects.create(id=2, name="Ben", email="b@c")
        worker = self.opened(
            content, batch_size=batch_size, rejects=str(self.folder / str(batch_size)), **options
        )
        results = []
        while worker.read() is not None:
            results.append(worker.write({}, None))
        worker.close()
        names = ("read", "inserted", "updated", "unchanged", "ignored", "differing", "rejected")
        return (
            {
                name: total
                for name in names
                for total in [sum(getattr(result.counts, name) for result in results)]
                if total
            },
            {reject.number: reject.errors for result in results for reject in result.rejects},
            [(key, name) for key, name, _ in stored(User)],
        )

    def test_the_later_record_is_rejected(self):
        content = "2,Ben,b@c\n3,Cid,c@d\n3,Cyd,c@d\n4,,d@e\n1,Abe,a\n"
        for size in self.sizes:
            with self.subTest(batch_size=size):
                self.assertEqual(
                    self.loaded(content, size),
                    (
                        {"read": 5, "inserted": 1, "rejected": 4},
                        {
                            1: ["ID 2 already exists"],
                            3: ["ID 3 already exists"],
                            4: ["Name cannot be empty"],
                            5: ["ID 1 already exists", "Email is not valid"],
                        },
                        [(1, "Ann"), (2, "Ben"), (3, "Cid")],
                    ),
                )

    def test_that_the_id_exists_is_not_an_error_if_it_is_ignored_or_updated(self):
        content = "1,,a@b\n3,Cid,c@d\n3,,c@d\n1,Abe,a,x\n"
        errors = {
            1: ["Name cannot be empty"],
            3: ["Name cannot be empty"],
            4: ["Email is not valid", "1 value more than the header has columns"],
        }
        for on_conflict in ("ignore", "update"):
            for size in self.sizes:
                with self.subTest(on_conflict=on_conflict, batch_size=size):
                    self.assertEqual(
                        self.loaded(content, size, on_conflict=on_conflict),
                        (
                            {"read": 4, "inserted": 1, "rejected": 3},
                            errors,
                            [(1, "Ann"), (2, "Ben"), (3, "Cid")],
                        ),
                    )

    def test_ignored_records_that_differ_are_counted_and_kept_with_the_rejects(self):
        content = (
            "1,Ann,a@b\n2,Bob,x@c\n3,Cid,c@d\n3,Cyd,c@d\n3,Cid,c@d\n4,,d@e\n3,Cid,\n 1,Ann,a@b\n"
            '2," Ben ",b@c\n1,Ann,b@a\n'
        )
        for size in (*self.sizes, 10):
            with self.subTest(batch_size=size):
                self.assertEqual(
                    self.loaded(content, size, on_conflict="ignore"),
                    (
                        {"read": 10, "inserted": 1, "ignored": 6, "differing": 3, "rejected": 3},
                        {
                            6: ["Name cannot be empty"],
                            7: ["Email cannot be empty"],
                            8: ["ID must be a positive integer"],
                        },
                        [(1, "Ann"), (2, "Ben"), (3, "Cid")],
                    ),
                )
                self.assertEqual(
                    self.rejects(f"{size}/users.csv"),
                    "_line,_errors,id,name,email\n"
                    '3,"ID 2 already exists with another name, email",2,Bob,x@c\n'
                    "5,ID 3 already exists with another name,3,Cyd,c@d\n"
                    "7,Name cannot be empty,4,,d@e\n"
                    "8,Email cannot be empty,3,Cid,\n"
                    "9,ID must be a positive integer, 1,Ann,a@b\n"
                    "11,ID 1 already exists with another email,1,Ann,b@a\n",
                )

    def test_an_ignored_record_whose_row_is_deleted_meanwhile_does_not_differ(self):
        with mock.patch.object(storing, "stored_rows", return_value={}):
            counts, errors, _ = self.loaded("1,Abe,a@e\n", 5, on_conflict="ignore")
        self.assertEqual((counts, errors), ({"read": 1, "ignored": 1}, {}))

    def test_ignored_records_that_are_the_same_leave_no_rejects_file(self):
        counts, _, _ = self.loaded("1,Ann,a@b\n2,Ben,b@c\n", 5, on_conflict="ignore")
        self.assertEqual(counts, {"read": 2, "ignored": 2})
        self.assertIsNone(self.rejects("5/users.csv"))

    def test_the_last_record_wins(self):
        content = "2,Bob,b@c\n3,Cid,c@d\n3,Cyd,c@d\n4,,d@e\n2,Bea,b@c\n"
        for size in self.sizes:
            with self.subTest(batch_size=size):
                self.assertEqual(
                    self.loaded(content, size, on_conflict="update"),
                    (
                        {"read": 5, "inserted": 1, "updated": 3, "rejected": 1},
                        {4: ["Name cannot be empty"]},
                        [(1, "Ann"), (2, "Bea"), (3, "Cyd")],
                    ),
                )

    def test_a_record_that_changes_nothing_is_counted_as_unchanged(self):
        content = (
            "1,Ann,a@b\n3,Cid,c@d\n3,Cid,c@d\n3,Cyd,c@d\n3, Cyd ,c@d\n2,Bob,b@c\n2,Ben,b@c\n"
            "2,Ben,b@c\n2,Ben,c@b\n1,,a@b\n1,Ann,a@b\n"
        )
        for size in (*self.sizes, 20):
            with self.subTest(batch_size=size):
                self.assertEqual(
                    self.loaded(content, size, on_conflict="update"),
                    (
                        {"read": 11, "inserted": 1, "updated": 4, "unchanged": 5, "rejected": 1},
                        {10: ["Name cannot be empty"]},
                        [(1, "Ann"), (2, "Ben"), (3, "Cyd")],
                    ),
                )

    def test_a_reject_that_is_not_stored_takes_no_id(self):
        content = "3,,c@d\n3,Cid,c@d\n3,,c@d\n3\n"
        for size in self.sizes:
            with self.subTest(batch_size=size):
                self.assertEqual(
                    self.loaded(content, size)[1],
                    {
                        1: ["Name cannot be empty"],
                        3: ["ID 3 already exists", "Name cannot be empty"],
                        4: [
                            "ID 3 already exists",
                            "Missing field: name",
                            "Missing field: email",
                        ],
                    },
                )


class RefusalTests(TriggerTestCase, WorkerTestCase):
    """Rows that a trigger refuses, among others."""

    content = "1,Ann\n2,Ben,b@c\n3,Bad,c@d\n4,,d@e\n5,Eve,e@f\n6,Bad,f@g\n7,Gus,g@h\n"
    malformed = {
        1: ["Missing field: email"],
        4: ["Name cannot be empty"],
    }
    sizes = (1, 2, 3, 10)

    def loaded(self, batch_size, **options):
        worker = self.opened(self.content, batch_size=batch_size, **options)
        results = []
        while worker.read() is not None:
            results.append(worker.write({}, None))
        counts = Counts(
            *(
                sum(getattr(result.counts, name) for result in results)
                for name in Counts.__dataclass_fields__
            )
        )
        errors = {reject.number: reject.errors for result in results for reject in result.rejects}
        return counts, errors

    def test_refused_inserts_are_rejected_and_the_others_stored(self):
        for action, error in (
            ("RAISE(ABORT, 'no bad names')", "Refused by the database: no bad names"),
            ("RAISE(FAIL, 'no bad names')", "Refused by the database: no bad names"),
            ("RAISE(IGNORE)", LEFT_OUT),
        ):
            self.trigger("INSERT", action, "NEW.name = 'Bad'")
            for on_conflict in ("error", "ignore", "update"):
                for size in self.sizes:
                    with self.subTest(action=action, on_conflict=on_conflict, batch_size=size):
                        self.assertEqual(
                            self.loaded(size, on_conflict=on_conflict),
                            (
                                Counts(read=7, inserted=3, rejected=4),
                                {**self.malformed, 3: [error], 6: [error]},
                            ),
                        )
                        self.assertEqual([row[0] for row in stored(User)], [2, 5, 7])
                        User.objects.all().delete()

    def test_refused_updates_are_rejected_and_the_others_stored(self):
        for action, error in (
            ("RAISE(ABORT, 'no bad names')", "Refused by the database: no bad names"),
            ("RAISE(FAIL, 'no bad names')", "Refused by the database: no bad names"),
            ("RAISE(IGNORE)", LEFT_OUT),
        ):
            self.trigger("UPDATE", action, "NEW.name = 'Bad'")
            for size in self.sizes:
                with self.subTest(action=action, batch_size=size):
                    for number in (3, 5, 6, 7):
                        User.objects.create(id=number, name="Old", email="a@b")
                    self.assertEqual(
                        self.loaded(size, on_conflict="update"),
                        (
                            Counts(read=7, inserted=1, updated=2, rejected=4),
                            {**self.malformed, 3: [error], 6: [error]},
                        ),
                    )
                    self.assertEqual(
                        [(key, name) for key, name, _ in stored(User)],
                        [(2, "Ben"), (3, "Old"), (5, "Eve"), (6, "Old"), (7, "Gus")],
                    )
                    User.objects.all().delete()

    def test_every_refused_update_of_an_id_is_rejected_whatever_comes_after_it(self):
        self.trigger("UPDATE", "RAISE(ABORT, 'no bad names')", "NEW.name = 'Bad'")
        self.content = "1,Bad,a@b\n1,Ann,a@b\n1,Bad,a@b\n2,Ben,b@c\n2,Bad,b@c\n"
        error = "Refused by the database: no bad names"
        for size in self.sizes:
            with self.subTest(batch_size=size):
                User.objects.all().delete()
                User.objects.create(id=1, name="Old", email="a@b")
                self.assertEqual(
                    self.loaded(size, on_conflict="update"),
                    (
                        Counts(read=5, inserted=1, updated=1, rejected=3),
                        {1: [error], 3: [error], 5: [error]},
                    ),
                )
                self.assertEqual(
                    [(key, name) for key, name, _ in stored(User)], [(1, "Ann"), (2, "Ben")]
                )

    def test_what_a_refused_update_leaves_is_unchanged_by_the_next_one(self):
        self.trigger("UPDATE", "RAISE(ABORT, 'no bad names')", "NEW.name = 'Bad'")
        names = ("Old", "Bad", "Old", "Bad", "Ann", "Ann", "Bad", "Ann")
        self.content = "".join(f"1,{name},a@b\n" for name in names)
        error = "Refused by the database: no bad names"
        for size in self.sizes:
            with self.subTest(batch_size=size):
                User.objects.all().delete()
                User.objects.create(id=1, name="Old", email="a@b")
                self.assertEqual(
                    self.loaded(size, on_conflict="update"),
                    (
                        Counts(read=8, updated=1, unchanged=4, rejected=3),
                        {2: [error], 4: [error], 7: [error]},
                    ),
                )
                self.assertEqual(stored(User), [(1, "Ann", "a@b")])

    def test_what_the_database_says_is_no_part_of_the_reason(self):
        action = "CASE NEW.id WHEN 2 THEN RAISE(ABORT, 'two') ELSE RAISE(ABORT, 'three') END"
        self.trigger("INSERT", action, "NEW.id > 1")
        result = self.write(self.opened(users(1, 2, 3)))
        self.assertEqual(result.reasons, {"Refused by the database": 2})
        self.assertEqual(
            [reject.errors for reject in result.rejects],
            [["Refused by the database: two"], ["Refused by the database: three"]],
        )

    def test_no_trigger_sees_a_record_that_changes_nothing(self):
        self.trigger("UPDATE", "RAISE(ABORT, 'no')")
        User.objects.create(id=1, name="Old", email="a@b")
        self.content = "1,Old,a@b\n2,Ben,b@c\n2,Ben,b@c\n"
        self.assertEqual(
            self.loaded(10, on_conflict="update"),
            (Counts(read=3, inserted=1, unchanged=2), {}),
        )

    def test_a_refused_row_takes_no_id(self):
        self.trigger("INSERT", "RAISE(ABORT, 'no bad names')", "NEW.name = 'Bad'")
        self.content = (
            "5,Bad,a@b\n5,Good,a@b\n6,Bad,b@c\n6,Bad,b@c\n6,Good,b@c\n7,Bad,c@d\n7,,c@d\n"
            "8,Bad,d@e\n8,,d@e\n8,Good,d@e\n"
        )
        refused = ["Refused by the database: no bad names"]
        for on_conflict in ("error", "ignore", "update"):
            for size in self.sizes:
                with self.subTest(on_conflict=on_conflict, batch_size=size):
                    self.assertEqual(
                        self.loaded(size, on_conflict=on_conflict),
                        (
                            Counts(read=10, inserted=3, rejected=7),
                            {
                                **dict.fromkeys((1, 3, 4, 6, 8), refused),
                                **dict.fromkeys((7, 9), ["Name cannot be empty"]),
                            },
                        ),
                    )
                    self.assertEqual(
                        stored(User),
                        [(5, "Good", "a@b"), (6, "Good", "b@c"), (8, "Good", "d@e")],
                    )
                    User.objects.all().delete()


class EndedTransactionTests(TriggerTestCase, WorkerTestCase):
    """A trigger that ends the transaction: nothing more of the load is stored or counted."""

    def assert_ended(self, worker):
        worker.read()
        with self.assertRaises(LoadError) as caught:
            worker.write({}, None)
        self.assertEqual(str(caught.exception), f"{ENDED}gone")
        self.assertFalse(isinstance(caught.exception, UnconfirmedCommit))

    def test_an_insert_that_ends_the_transaction_of_its_batch(self):
        self.trigger("INSERT", "RAISE(ROLLBACK, 'gone')", "NEW.id = 4")
        for on_conflict in ("error", "ignore", "update"):
            with self.subTest(on_conflict=on_conflict):
                worker = self.opened(users(*range(1, 7)), batch_size=2, on_conflict=on_conflict)
                self.assertEqual(self.write(worker).counts, Counts(read=2, inserted=2))
                self.assert_ended(worker)
                worker.close()
                self.assertEqual([row[0] for row in stored(User)], [1, 2])
                User.objects.all().delete()

    def test_an_insert_that_ends_the_transaction_of_the_load(self):
        self.trigger("INSERT", "RAISE(ROLLBACK, 'gone')", "NEW.id = 4")
        worker = self.opened(users(*range(1, 7)), batch_size=2, all_or_nothing=True)
        self.write(worker)
        self.assert_ended(worker)
        worker.close()
        self.assertEqual(stored(User), [])

    def test_an_insert_that_ends_the_transaction_beside_one_that_is_refused(self):
        """The batch is then written again in pieces, and in these the transaction ends."""
        self.trigger("INSERT", "RAISE(ROLLBACK, 'gone')", "NEW.id = 4")
        User.objects.create(id=3, name="Old", email="a@b")
        worker = self.opened(users(*range(1, 7)))
        self.assert_ended(worker)
        worker.close()
        self.assertEqual([row[0] for row in stored(User)], [3])

    def test_an_update_that_ends_the_transaction(self):
        self.trigger("UPDATE", "RAISE(ROLLBACK, 'gone')", "NEW.id = 4")
        for all_or_nothing in (False, True):
            with self.subTest(all_or_nothing=all_or_nothing):
                User.objects.create(id=4, name="Old", email="a@b")
                worker = self.opened(
                    users(*range(1, 7)),
                    batch_size=3,
                    on_conflict="update",
                    all_or_nothing=all_or_nothing,
                )
                self.assertEqual(self.write(worker).counts, Counts(read=3, inserted=3))
                self.assert_ended(worker)
                worker.close()
                self.assertEqual(
                    [(key, name) for key, name, _ in stored(User) if key > 3], [(4, "Old")]
                )
                self.assertEqual(len(stored(User)), 1 if all_or_nothing else 4)
                User.objects.all().delete()


class FailedCommitTests(TriggerTestCase, WorkerTestCase):
    message = "Database 'users': FOREIGN KEY constraint failed"

    def test_a_batch_whose_commit_fails_is_not_confirmed(self):
        self.refuse_commits(User, "NEW.id = 3")
        worker = self.opened(users(1, 2, 3, 4), batch_size=2)
        self.write(worker)
        worker.read()
        with self.assertRaises(UnconfirmedCommit) as caught:
            worker.write({}, None)
        self.assertEqual(str(caught.exception), self.message)
        self.assertEqual([row[0] for row in stored(User)], [1, 2])

    def test_rejects_are_written_before_the_commit(self):
        self.refuse_commits(User)
        worker = self.opened("1,Ann,a@b\n2,,b@c\n", rejects=str(self.folder / "rejects"))
        worker.read()
        with self.assertRaises(UnconfirmedCommit):
            worker.write({}, None)
        self.assertEqual(
            self.rejects(), "_line,_errors,id,name,email\n3,Name cannot be empty,2,,b@c\n"
        )

    def test_a_load_whose_commit_fails_is_not_confirmed(self):
        self.refuse_commits(User)
        worker = self.opened(users(1, 2), batch_size=1, all_or_nothing=True)
        self.assertEqual(self.write(worker).counts, Counts(read=1, inserted=1))
        self.assertEqual(self.write(worker).counts, Counts(read=1, inserted=1))
        worker.prepare(None)
        with self.assertRaises(UnconfirmedCommit) as caught:
            worker.commit()
        self.assertEqual(str(caught.exception), self.message)
        worker.close()
        self.assertEqual(stored(User), [])

    def test_a_savepoint_that_fails_leaves_no_doubt(self):
        worker = self.opened(users(1), all_or_nothing=True)
        worker.read()
        errors = [OperationalError("disk I/O error"), None]
        with mock.patch.object(connections["users"], "savepoint_commit", side_effect=errors):
            with self.assertRaisesMessage(OperationalError, "disk I/O error"):
                worker.write({}, None)

    def test_an_error_before_the_commit_leaves_no_doubt(self):
        self.execute(
            "CREATE TRIGGER test_insert AFTER INSERT ON distributed_insert_user "
            "BEGIN INSERT INTO nowhere VALUES (1); END"
        )
        self.addCleanup(self.execute, "DROP TRIGGER test_insert")
        worker = self.opened(users(1))
        worker.read()
        with self.assertRaisesMessage(OperationalError, "no such table: main.nowhere"):
            worker.write({}, None)
        self.assertEqual(stored(User), [])
