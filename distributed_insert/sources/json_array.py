"""A JSON array of objects, on as many lines as it likes."""

import sys
from contextlib import contextmanager

from ..exceptions import LoadError
from .files import BYTES_PER_RECORD, MAX_BATCH_BYTES
from .json_elements import Elements, NotAnArray
from .json_values import JsonSource
from .text_file import CHECK_SIZE


class JsonArraySource(JsonSource):
    def open(self, dataset):
        super().open(dataset)
        self._elements = Elements(self._file)

    def check(self):
        """Look whether the file can be read to its end: behind a fault of an array, nothing can."""
        if self.is_stream:
            return False
        left = CHECK_SIZE
        with self._errors():
            while left > 0:
                element = self._elements.next()
                if element is None:
                    self._file.rewind()
                    self._elements = Elements(self._file)
                    return False
                self._add(self._new_batch(), *element)
                left -= len(element.text)
        return True

    def read(self, size):
        batch = self._new_batch()
        room = MAX_BATCH_BYTES
        element = None
        with self._errors():
            while len(batch) < size and room > 0:
                element = self._elements.next()
                if element is None:
                    break
                self._add(batch, *element)
                text = element.text
                room -= BYTES_PER_RECORD + sys.getsizeof(text) + self._bytes_of_values(text)
        return self._records(batch) if batch or element else None

    @contextmanager
    def _errors(self):
        try:
            with self._file.errors():
                yield
        except NotAnArray as error:
            raise LoadError(f"{self.name}: not a JSON array: {error}.") from error
