"""A batch of records: what its columns hold, and what is wrong with which record."""

from itertools import chain, compress, count
from operator import itemgetter
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from ..references import does_not_exist, some_do_not_exist
from ..sources import Records, Source
from ..validation import Column, Rules, validate
from .reasons import ID_EXISTS

# The kinds of errors, in the order in which a record's errors are reported.
CONFLICT, RULE, REFERENCE, FIELD = range(4)


def already_exists(key: int) -> str:
    return f"ID {key} already exists"


class Batch:
    """Consecutive records of one model, judged by its rules when they come from their source.

    An index stands for a record, as in Records. A record is rejected if it has errors, and only
    then: there is no other way to reject one than to say why.
    """

    def __init__(self, dataset, source: Source, rules: Rules, records: Records):
        self._references = dataset.references
        self._key = dataset.key
        self._records = records
        self._errors: Dict[int, List[Tuple[int, str, str]]] = {}
        self._columns, errors, self._broken = validate(
            rules, dict(zip(dataset.fields, records.columns))
        )
        self._is_accepted = bytearray(b"\1") * len(records.columns[0])
        for index, messages in errors.items():
            self.reject(index, RULE, *messages)
        # Of records with missing or unknown fields, by index: the values that meet the rules.
        self._others: Dict[int, Dict[str, Any]] = {}
        for index in range(len(self._is_accepted), len(records.raw_records)):
            values, field_errors = source.fields(records.raw_records[index])
            if values:
                columns, errors, broken = validate(rules, {n: [v] for n, v in values.items()})
                self._others[index] = {n: v for n, [v] in columns.items() if not broken[n]}
                self.reject(index, RULE, *errors.get(0, ()))
            self.reject(index, FIELD, *field_errors)
            if index not in self._errors:
                raise RuntimeError(f"No reason to reject {records.raw_records[index]!r}")

    def __len__(self):
        return len(self._records.raw_records)

    @property
    def rejected(self) -> int:
        return len(self._errors)

    def reject(self, index: int, kind: int, *messages: str, reason: str = ""):
        """Reject a record for errors of one kind, if there are any.

        Their `reason` is what to count them under, if not under the messages themselves.
        """
        if messages:
            errors = self._errors.setdefault(index, [])
            for message in messages:
                errors.append((kind, message, reason or message))
            if index < len(self._is_accepted):
                self._is_accepted[index] = 0

    def referred_ids(self) -> Dict[str, Set[int]]:
        """Return the ids that the records refer to, by the field that does."""
        return {name: self._all_valid(name) for name in self._references}

    def check_references(self, missing: Mapping[str, Set[int]]):
        """Reject the records whose fields hold one of the ids that are `missing` in the parents."""
        for name, parent in self._references.items():
            reason = some_do_not_exist(parent)
            for index in self._indexes_of(name, missing[name]) if missing[name] else ():
                message = does_not_exist(parent, self._value(name, index))
                self.reject(index, REFERENCE, message, reason=reason)

    def rejected_ids(self) -> Dict[int, int]:
        """Return the ids of the rejected records that have valid ones, by the record's index."""
        keys = {index: self._value(self._key, index) for index in self._errors}
        return {index: key for index, key in keys.items() if key is not None}

    def check_conflicts(self, rejected_ids: Mapping[int, int], stored: Set[int]):
        """Also report an existing id for records that were rejected before the rest was stored.

        An id exists if it was `stored` before the batch, or if an earlier record of the batch, now
        stored, has it.
        """
        if not rejected_ids:
            return
        places = self._records.places
        stored_here = {
            self._value(self._key, index): places[index]
            for index in self._indexes_of(self._key, set(rejected_ids.values()))
            if index not in self._errors
        }
        for index, key in rejected_ids.items():
            if key in stored or stored_here.get(key, places[index]) < places[index]:
                self.reject(index, CONFLICT, already_exists(key), reason=ID_EXISTS)

    def accepted(self) -> Tuple[Sequence[int], List[Column]]:
        """Return the indexes of the records to be stored, and the columns of their values."""
        columns = list(self._columns.values())
        if all(self._is_accepted):
            return range(len(self._is_accepted)), columns
        return (
            list(compress(count(), self._is_accepted)),
            [list(compress(column, self._is_accepted)) for column in columns],
        )

    def in_order(self, indexes: Iterable[int]) -> List[int]:
        """Return indexes in the order in which their records came from the source."""
        return sorted(indexes, key=self._records.places.__getitem__)

    def rejects(self) -> List[int]:
        """Return the indexes of the rejected records, in the order of the source."""
        return self.in_order(self._errors)

    def errors(self, index: int) -> List[str]:
        """Return why a record is rejected."""
        errors = self._errors[index]
        if len(errors) > 1:
            errors = sorted(errors, key=itemgetter(0))
        return [message for _, message, _ in errors]

    def reasons(self, indexes: Iterable[int]) -> Iterable[str]:
        """Return what each error of these rejects is to be counted under."""
        return map(itemgetter(2), chain.from_iterable(map(self._errors.__getitem__, indexes)))

    def place(self, index: int) -> int:
        """Return a record's place in the batch, from 0."""
        return self._records.places[index]

    def line(self, index: int) -> Optional[int]:
        """Return the line that a record begins on."""
        return self._records.lines[index]

    def raw(self, index: int) -> Any:
        """Return a record in its source's own form."""
        return self._records.raw_records[index]

    def _value(self, name, index):
        """Return the value of a record's field; None if it is missing or breaks its rule."""
        if index >= len(self._is_accepted):
            return self._others.get(index, {}).get(name)
        return None if index in self._broken[name] else self._columns[name][index]

    def _indexes_of(self, name, values):
        """Return the indexes of the records whose field holds one of these values."""
        found = list(compress(count(), map(values.__contains__, self._columns[name])))
        return found + [i for i, other in self._others.items() if other.get(name) in values]

    def _all_valid(self, name):
        column = self._columns[name]
        if self._broken[name]:
            column = [v for i, v in enumerate(column) if i not in self._broken[name]]
        return {*column, *(other[name] for other in self._others.values() if name in other)}
