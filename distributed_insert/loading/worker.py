"""A worker owns one database: all that touches it is a job of its worker, on one thread."""

from array import array
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set

from django.db import connections, transaction

from ..datasets import Dataset
from ..exceptions import LoadError
from ..references import does_not_exist, missing_ids
from ..sources.base import Malformed
from ..sources.rejects import RejectsFile, rejects_path
from ..validation import Explanation, explain, validate
from .options import Options
from .results import KEPT_REJECTS, Counts, Reject, Written
from .writers import insert, update


def already_exists(key: int) -> str:
    return f"ID {key} already exists"


@dataclass
class Batch:
    """Consecutive records of a source, validated and not yet written."""

    lines: Sequence[Optional[int]]
    """The line each record begins on."""
    raws: Sequence[Any]
    """The records in their source's own form."""
    rows: List[Optional[Sequence[Any]]]
    """The values of each record that meets the rules; None in the place of each of the others."""
    faults: Dict[int, Explanation]
    """What is wrong with each of the others."""
    position: int
    """How many bytes of the source had been read with it."""


class Worker:
    """The jobs on one model's database. They are done one by one on the same thread."""

    def __init__(self, dataset: Dataset, source, options: Options):
        self.model = dataset.model
        self.using = dataset.using
        self.rejects_file = None
        if source and options.rejects:
            path = rejects_path(options.rejects, dataset, source)
            self.rejects_file = RejectsFile(path, source)
        self.needs_standard_input = bool(source and source.is_standard_input)
        self._dataset = dataset
        self._source = source
        self._options = options
        self._fields = dataset.fields
        self._key = self._fields.index(self.model._meta.pk.name)
        self._batches = deque()
        self._read = 0
        self._rejects_to_keep = KEPT_REJECTS
        self._held = None

    def open(self):
        """Find the table and open the files, writing nothing to the database. Raises LoadError."""
        connection = connections[self.using]
        with connection.cursor() as cursor:
            if self.model._meta.db_table not in connection.introspection.table_names(cursor):
                raise LoadError(
                    f"Database '{self.using}' has no table for {self._dataset.name} records. "
                    f"Create it with: python manage.py migrate --database={self.using}"
                )
        if self._source:
            self._source.open(self._fields)
            self._rules = self._dataset.rules(self._source.numbers)
            if self.rejects_file:
                self.rejects_file.open()
            if self._options.is_held:
                held = transaction.atomic(using=self.using)
                held.__enter__()
                self._held = held

    def read(self) -> Optional[Dict[str, Sequence[int]]]:
        """Read and validate the next batch; return the ids it refers to, by their field.

        Returns None at the end of the source.
        """
        lines, raws = self._source.read(self._options.batch_size)
        if not raws:
            return None
        batch = Batch(lines, raws, *self._validate(raws), self._source.position)
        self._batches.append(batch)
        return {name: array("q", self._values(batch, name)) for name in self._dataset.references}

    def missing(self, ids: Iterable[int]) -> Set[int]:
        """Return those of `ids` not stored, as seen by the connection that inserts them."""
        return missing_ids(self.model, self.using, ids)

    def write(self, missing: Mapping[str, Set[int]], allowance: Optional[int] = None) -> Written:
        """Store the oldest batch that was read, less the records whose fields hold a `missing` id.

        The batch is one transaction, committed when this returns, or a savepoint in the one that
        `finish` ends; an error rolls all of it back. So do more rejects than the `allowance`, and
        then only they are counted as read.
        """
        batch = self._batches.popleft()
        self._check_references(batch, missing)
        with transaction.atomic(using=self.using):
            counts = self._store(batch)
            if allowance is not None and counts.rejected > allowance:
                transaction.set_rollback(True, using=self.using)
                counts = Counts(read=counts.rejected, rejected=counts.rejected)
            rejected = sorted(batch.faults)
            if self.rejects_file:
                # Told before the commit: a record must not be lost between the two.
                self.rejects_file.write(
                    [
                        (batch.lines[index], batch.raws[index], batch.faults[index].errors)
                        for index in rejected
                    ]
                )
        kept = [self._reject(batch, index) for index in rejected[: self._rejects_to_keep]]
        self._rejects_to_keep -= len(kept)
        self._read += len(batch.raws)
        return Written(counts, kept, batch.position)

    def finish(self, commit: bool):
        """End the transaction that was kept open, if one was."""
        if self._held:
            if not commit:
                transaction.set_rollback(True, using=self.using)
            held, self._held = self._held, None
            held.__exit__(None, None, None)

    def close(self):
        """Close the files and this thread's connection, rolling back what is not committed."""
        with ExitStack() as closing:
            closing.callback(connections[self.using].close)
            if self.rejects_file:
                closing.callback(self.rejects_file.close)
            if self._source:
                closing.callback(self._source.close)
            closing.callback(self.finish, commit=False)

    def _validate(self, raws):
        """Return the rows of the records that meet the rules and the faults of others, by index."""
        values, misfits = self._source.columns(raws)
        columns = dict(zip(self._fields, values))
        faults = validate(self._rules, columns)
        rows = list(zip(*(columns[name] for name in self._fields)))
        for index in faults:
            rows[index] = None
        for index in misfits:
            rows.insert(index, None)
        if misfits:
            left_out = set(misfits)
            places = [index for index in range(len(raws)) if index not in left_out]
            faults = {places[index]: fault for index, fault in faults.items()}
            faults.update((index, self._explain(raws[index])) for index in misfits)
        return rows, faults

    def _explain(self, raw):
        if isinstance(raw, Malformed):
            return Explanation(values={}, shape=[raw.reason])
        return explain(self._rules, *self._source.fields(raw))

    def _values(self, batch, name):
        """Return the values of the field `name` that meet its rules, of all records."""
        values = set(map(itemgetter(self._fields.index(name)), filter(None, batch.rows)))
        values.update(f.values[name] for f in batch.faults.values() if name in f.values)
        return values

    def _turn_down(self, batch, index):
        """Take a record that met the rules out of those to be inserted, for errors to be added."""
        batch.faults[index] = Explanation(dict(zip(self._fields, batch.rows[index])))
        batch.rows[index] = None
        return batch.faults[index]

    def _check_references(self, batch, missing):
        for name, model in self._dataset.references.items():
            position, absent = self._fields.index(name), missing[name]
            if absent:
                rows = enumerate(batch.rows)
                for index in [i for i, row in rows if row and row[position] in absent]:
                    self._turn_down(batch, index)
                for fault in batch.faults.values():
                    if fault.values.get(name) in absent:
                        fault.references.append(does_not_exist(model, fault.values[name]))

    def _check_conflicts(self, batch):
        """Tell a faulty record also that its id is taken: stored, or by a record of this batch."""
        key = self._fields[self._key]
        ids = {f.values[key] for f in batch.faults.values() if key in f.values}
        if not ids:
            return
        stored, first = ids - self.missing(ids), {}
        if not ids.isdisjoint(map(itemgetter(self._key), filter(None, batch.rows))):
            for index, row in enumerate(batch.rows):
                if row:
                    first.setdefault(row[self._key], index)
        for index, fault in batch.faults.items():
            value = fault.values.get(key)
            if value in stored or first.get(value, index) < index:
                fault.conflicts.append(already_exists(value))

    def _store(self, batch) -> Counts:
        if self._options.on_conflict == "error":
            self._check_conflicts(batch)
        rows = list(filter(None, batch.rows))
        inserted, conflicts, refused = insert(self.model, self.using, rows)
        updated = ignored = 0
        if self._options.on_conflict == "error":
            refused.update((i, already_exists(rows[i][self._key])) for i in conflicts)
        elif self._options.on_conflict == "update":
            errors = update(self.model, self.using, [rows[i] for i in conflicts])
            refused.update((conflicts[i], error) for i, error in errors.items())
            updated = len(conflicts) - len(errors)
        else:
            ignored = len(conflicts)
        if refused:
            places = [index for index, row in enumerate(batch.rows) if row]
            for i, error in refused.items():
                self._turn_down(batch, places[i]).conflicts.append(error)
        return Counts(len(batch.raws), inserted, updated, ignored, len(batch.faults))

    def _reject(self, batch, index):
        number = self._read + index + 1
        data = self._source.data(batch.raws[index])
        return Reject(number, batch.lines[index], data, batch.faults[index].errors)
