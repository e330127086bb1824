"""A worker owns one database: all that touches it is a job of its worker, on one connection."""

from array import array
from collections import deque
from contextlib import ExitStack
from typing import Deque, Dict, Mapping, Optional, Sequence, Set, Tuple

from django.db import Error, transaction

from ..databases import failure
from ..datasets import Dataset
from ..exceptions import LoadError, UnconfirmedCommit
from ..sources import Source, rejects_file
from ..two_phase import Gid, Transaction
from .asking import atomic
from .base_worker import Worker
from .batch import Batch
from .options import ERROR, Options
from .reasons import ReasonCounter
from .results import KEPT_REJECTS, BatchResult, Counts, make_reject
from .statements import check_fault
from .storing import store
from .writers import Refused, insert_all, insert_each


class LoadingWorker(Worker):
    """A worker that also loads its model from a source, and returns the first rejects."""

    def __init__(
        self,
        dataset: Dataset,
        source: Source,
        options: Options,
        load_id: str,
        kept_rejects: Optional[int] = KEPT_REJECTS,
    ):
        super().__init__(dataset)
        self.reads_stream = source.is_stream
        self._source = source
        self._options = options
        self._rejects_file = None
        if options.rejects:
            self._rejects_file = rejects_file(options.rejects, dataset.plural, source, load_id)
        self._batches: Deque[Tuple[Batch, float]] = deque()
        self._read = 0
        self._has_failed = False
        self._rejects_to_keep = kept_rejects
        self._reasons = ReasonCounter()
        self._transaction = Transaction(self.using)

    def open(self) -> Optional[str]:
        """Find the table and open the files; return the path of the file of rejects if it is there.

        Nothing is written to the database. Raises LoadError.
        """
        super().open()
        self._source.is_interrupted = self.is_interrupted
        self._source.open(self._dataset)
        self._rules = self._dataset.rules(self._source.number_parser)
        return self._rejects_file.open() if self._rejects_file else None

    def check(self) -> bool:
        """Check a part of the source; return whether there is more of it. Raises LoadError."""
        return self._source.check()

    def begin(self, transaction: Transaction) -> str:
        """Begin the one transaction of a load that is committed at its end: see `Transaction`."""
        self._transaction = transaction
        return self._transaction.begin()

    def read(self) -> Optional[Dict[str, Sequence[int]]]:
        """Read and validate the next batch; return the ids it refers to, by their field.

        Returns None at the end of the source.
        """
        records = self._source.read(self._options.batch_size)
        if records is None:
            return None
        batch = Batch(self._dataset, self._source, self._rules, records)
        self._batches.append((batch, self._source.share_read))
        return {name: array("i", ids) for name, ids in batch.referred_ids().items()}

    def write(self, missing: Mapping[str, Set[int]], rejects_left: Optional[int]) -> BatchResult:
        """Store the oldest batch that was read, less the records whose fields hold a `missing` id.

        The batch is one transaction, committed when this returns, or a savepoint in the one that
        `begin` began; an error rolls all of it back. So do more rejects than `rejects_left`, and
        then only these are counted as read. Raises UnconfirmedCommit if the commit itself fails.
        After an error no batch is written any more, though it may have been asked for.
        """
        if self._has_failed:
            raise LoadError("A batch before this one was not written.")
        self._has_failed = True
        batch, share_read = self._batches.popleft()
        batch.check_references(missing)
        try:
            # Without savepoints, which cost turns, as long as all goes well.
            counts, rejects = self._store(batch, rejects_left, insert_all)
        except Refused as refused:
            check_fault(self.using, refused.error)
            counts, rejects = self._store(batch, rejects_left, insert_each)
        kept = [self._reject(batch, i) for i in rejects[: self._rejects_to_keep]]
        if self._rejects_to_keep is not None:
            self._rejects_to_keep -= len(kept)
        self._read += len(batch)
        reasons = self._reasons.count(batch.reasons(rejects))
        self._has_failed = False
        return BatchResult(counts, kept, reasons, share_read)

    def _store(self, batch, rejects_left, insert):
        """Return the counts of a batch, and the indexes of its rejects."""
        of_rejects = batch.rejected_ids() if self._options.on_conflict == ERROR else {}
        is_written = False
        try:
            with atomic(self.model, self.using, set(of_rejects.values())) as stored:
                counts, differing = store(self._dataset, batch, self._options.on_conflict, insert)
                batch.check_conflicts(of_rejects, stored)
                if rejects_left is not None and counts.rejected > rejects_left:
                    transaction.set_rollback(True, using=self.using)
                    counts = Counts(read=counts.rejected, rejected=counts.rejected)
                rejects = batch.rejects()
                # Before the commit: a record must not be lost between the two.
                self._write_rejects(batch, rejects, differing)
                is_written = True
        except Error as error:
            if is_written and not self._options.one_transaction:
                raise UnconfirmedCommit(failure(error, self.using)) from error
            raise
        return counts, rejects

    def prepare(self, gid: Optional[Gid]):
        """Make sure that the transaction can be committed. Raises LoadError."""
        self._transaction.prepare(gid)

    def commit(self):
        """Commit the transaction that `begin` began. Raises UnconfirmedCommit if that fails."""
        self._transaction.commit()

    def forget(self):
        """Delete what was needed to commit."""
        self._transaction.forget()

    def close(self) -> Optional[str]:
        """Close the files and this thread's connection, rolling back what is not committed.

        Returns the path of the file of rejects if it holds any.
        """
        with ExitStack() as closing:
            closing.callback(super().close)
            if self._rejects_file:
                closing.callback(self._rejects_file.close)
            closing.callback(self._source.close)
            closing.callback(self._transaction.roll_back)
        return self._rejects_file.written_path if self._rejects_file else None

    def _write_rejects(self, batch, rejects, differing):
        if self._rejects_file and (rejects or differing):
            indexes = batch.in_order([*rejects, *differing]) if differing else rejects
            self._rejects_file.write(
                (
                    batch.line(index),
                    batch.raw(index),
                    [differing[index]] if index in differing else batch.errors(index),
                )
                for index in indexes
            )

    def _reject(self, batch, index):
        number = self._read + batch.place(index) + 1
        data = self._source.data(batch.raw(index))
        return make_reject(number, batch.line(index), data, batch.errors(index))
