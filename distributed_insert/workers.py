"""A worker owns one database: all that touches it is a job of its worker, on one thread."""

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from django.db import connections, transaction

from .datasets import Dataset
from .references import does_not_exist, missing_ids
from .results import LoadError, Reject, Written
from .sources import Malformed
from .validation import Explanation, explain
from .writers import already_exists, insert


@dataclass
class Batch:
    """Consecutive records of a source, validated and not yet written."""

    raws: List[Tuple[Optional[int], Any]]
    """What was read: the line, and the record in its source's own form."""
    rows: Dict[int, List[Any]]
    """The values of each record that meets the rules, by its index in `raws`."""
    faults: Dict[int, Explanation]
    """What is wrong with each of the others."""


class Worker:
    """The jobs on one model's database. Each must be called on the same thread."""

    def __init__(self, dataset: Dataset, source, batch_size: int):
        self.model = dataset.model
        self.using = dataset.using
        self._dataset = dataset
        self._source = source
        self._batch_size = batch_size
        self._fields = dataset.fields
        self._read = 0

    def open(self):
        """Find the table and open the source, writing nothing. Raises LoadError."""
        connection = connections[self.using]
        with connection.cursor() as cursor:
            if self.model._meta.db_table not in connection.introspection.table_names(cursor):
                raise LoadError(
                    f"Database '{self.using}' has no table for {self._dataset.name} records. "
                    f"Create it with: python manage.py migrate --database={self.using}"
                )
        if self._source:
            self._source.open(self._fields)
            rules = self._dataset.rules(self._source.numbers)
            self._rules = rules
            self._indexed_rules = [(self._fields.index(name), rule) for name, rule in rules]

    def read(self) -> Optional[Dict[str, Set[int]]]:
        """Read and validate the next batch; return the ids it refers to, by their field.

        Returns None at the end of the source.
        """
        raws = self._source.read(self._batch_size)
        if not raws:
            return None
        self._batch = batch = Batch(raws, rows={}, faults={})
        to_row, rules = self._source.row, self._indexed_rules
        for index, (_, raw) in enumerate(raws):
            try:
                row = to_row(raw)
                for position, rule in rules:
                    row[position] = rule(row[position])
                batch.rows[index] = row
            except (KeyError, ValueError):
                batch.faults[index] = self._explain(raw)
        return {name: self._values(batch, name) for name in self._dataset.references}

    def missing(self, ids: Set[int]) -> Set[int]:
        """Return those of `ids` not stored, as seen by the connection that inserts them."""
        return missing_ids(self.model, self.using, ids)

    def write(self, missing: Mapping[str, Set[int]]) -> Written:
        """Insert the batch read last, less the records whose fields hold a `missing` id.

        The batch is one transaction, committed when this returns; an error rolls all of it back.
        """
        batch = self._batch
        self._check_references(batch, missing)
        with transaction.atomic(using=self.using):
            self._check_conflicts(batch)
            indexes, rows = list(batch.rows), list(batch.rows.values())
            for place, error in insert(self.model, self.using, rows).items():
                self._turn_down(batch, indexes[place]).conflicts.append(error)
        rejects = [self._reject(batch, index) for index in sorted(batch.faults)]
        self._read += len(batch.raws)
        return Written(len(batch.raws), len(batch.rows), rejects)

    def close(self):
        """Close the source, and this thread's connection."""
        if self._source:
            self._source.close()
        connections[self.using].close()

    def _explain(self, raw):
        if isinstance(raw, Malformed):
            return Explanation(values={}, shape=[raw.reason])
        return explain(self._rules, self._source.record(raw))

    def _values(self, batch, name):
        """Return the values of the field `name` that meet its rules, of all records."""
        position = self._fields.index(name)
        values = {row[position] for row in batch.rows.values()}
        return values.union(f.values[name] for f in batch.faults.values() if name in f.values)

    def _turn_down(self, batch, index):
        """Take a record that met the rules out of those to be inserted, for errors to be added."""
        values = dict(zip(self._fields, batch.rows.pop(index)))
        batch.faults[index] = Explanation(values)
        return batch.faults[index]

    def _check_references(self, batch, missing):
        for name, model in self._dataset.references.items():
            position, absent = self._fields.index(name), missing[name]
            if absent:
                for index in [i for i, row in batch.rows.items() if row[position] in absent]:
                    self._turn_down(batch, index)
                for fault in batch.faults.values():
                    if fault.values.get(name) in absent:
                        fault.references.append(does_not_exist(model, fault.values[name]))

    def _check_conflicts(self, batch):
        """Tell a faulty record also that its id is taken: stored, or by a record of this batch."""
        key = self.model._meta.pk.name
        ids = {f.values[key] for f in batch.faults.values() if key in f.values}
        if not ids:
            return
        stored = ids - self.missing(ids)
        position, first = self._fields.index(key), {}
        for index, row in batch.rows.items():
            if row[position] in ids:
                first.setdefault(row[position], index)
        for index, fault in batch.faults.items():
            value = fault.values.get(key)
            if value in stored or first.get(value, index) < index:
                fault.conflicts.append(already_exists(value))

    def _reject(self, batch, index):
        line, raw = batch.raws[index]
        number = self._read + index + 1
        data = self._source.record(raw)
        return Reject(number, line, data, batch.faults[index].errors)
