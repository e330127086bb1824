"""What every source of records has in common, and what they are handed on as."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import (
    IO,
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from ..validation import Column, NumberParser, missing_field, unknown_field

if TYPE_CHECKING:  # It imports models, which need Django's settings.
    from ..datasets import Dataset

RejectedRecord = Tuple[Optional[int], Any, Sequence[str]]
"""The line a record begins on, the record in its source's own form, and its errors."""


class Records(NamedTuple):
    """Consecutive records of a source.

    An index stands for a record throughout: first come the records with just the model's fields,
    then those with others, too many or too few, for which the source's `fields` says what is wrong.
    """

    columns: Sequence[Column]
    """Of the first records, the values of each of the model's fields."""
    raw_records: Sequence[Any]
    """Every record in its source's own form."""
    places: Sequence[int]
    """The place of every record among these, from 0, in the order of the source."""
    lines: Sequence[Optional[int]]
    """The line every record begins on, from 1; None where the source has no lines."""


@dataclass(frozen=True)
class Malformed:
    """A part of a file that is not a record of its format."""

    text: str
    reason: str


class Source(ABC):
    """Where the records of one model come from. Its worker opens, reads and closes it.

    `renamed` gives, by field, each column or key whose name differs from the field. A column that
    no field uses is an error, unless `ignore_unknown` or its name begins with `_`.
    """

    name: str
    """The file's path, "standard input", or what `MemorySource` was given."""
    format: str
    """The ending of the name of a file of rejects."""
    encoding = "utf-8"
    """Of a file of rejects."""
    number_parser: NumberParser
    is_stream = False
    """Whether it can be read only once, and in this process: standard input, or a pipe."""
    is_interrupted: Callable[[], bool] = staticmethod(lambda: False)
    """Set before `open`: once it returns True, what waits for a server raises GivenUp."""

    def __init__(self, renamed: Optional[Mapping[str, str]] = None, ignore_unknown: bool = False):
        self._renamed = renamed or {}
        self._ignore_unknown = ignore_unknown

    def open(self, dataset: "Dataset"):
        """Get ready to read records of this kind. Raises LoadError."""
        self._dataset = dataset
        self._fields = dataset.fields
        self._names = [self._renamed.get(field, field) for field in self._fields]

    def check(self) -> bool:
        """Look for what keeps the source from being read to its end, before anything is written.

        To be called after `open` until it returns False, and then before `read`. Raises LoadError.
        """
        return False

    @abstractmethod
    def read(self, size: int) -> Optional[Records]:
        """Return the next records, at most `size`, perhaps none yet; None at the end.

        Raises LoadError if the source cannot be read on.
        """

    @abstractmethod
    def give_up(self):
        """Have a `check` or `read` that waits for input, in another thread, raise GivenUp.

        What has been read and not returned is lost: the source is only to be closed after that.
        """

    @abstractmethod
    def fields(self, raw: Any) -> Tuple[Dict[str, Any], List[str]]:
        """Return the values of the fields that a record has, and what is wrong with its fields."""

    @abstractmethod
    def data(self, raw: Any) -> Dict[str, Any]:
        """Return a record as it is to be shown."""

    @abstractmethod
    def write_rejects(self, file: IO[str], rejects: Iterable[RejectedRecord], is_first: bool):
        """Write rejected records in the source's format, to be fixed and loaded again.

        `is_first` says that the file is empty so far.
        """

    @property
    def size(self) -> Optional[int]:
        """In bytes; None if not known before it is opened."""
        return None

    @property
    def share_read(self) -> float:
        """How much has been read, from 0.0 to 1.0; 0.0 if not known."""
        return 0.0

    @abstractmethod
    def close(self):
        """Close what is open. It may be called more than once."""

    def _unknown(self, names):
        if self._ignore_unknown:
            return []
        return [name for name in names if name not in self._names and name[:1] != "_"]

    def _field_errors(self, names):
        """Return what is wrong with a record that has values of these names."""
        missing = [f for f, name in zip(self._fields, self._names) if name not in names]
        return [*map(missing_field, missing), *map(unknown_field, self._unknown(names))]
