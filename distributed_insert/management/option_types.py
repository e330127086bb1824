"""Types of options: a wrong value is reported before anything starts."""

import argparse
import codecs
import re
import string

from ..datasets import DATASETS
from ..sources import DEFAULT_ENCODING, FORMATS


def positive_integer(text):
    return _integer(text, 1, "a positive integer")


def whole_number(text):
    return _integer(text, 0, "0 or a positive integer")


def _integer(text, least, kind):
    if text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= least:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not {kind}")


def encoding(text):
    """An encoding that gives ASCII back as it was written, also when it is read byte by byte."""
    sample = string.printable + r"\u0041"
    try:
        encoded = sample.encode(text)
        decoded = {encoded.decode(text), "".join(codecs.iterdecode(map(bytes, zip(encoded)), text))}
        # unicode_escape would write a line break as two characters, and no line would end.
        sizes = {len(character.encode(text)) for character in sample}
        is_text = decoded == {sample} and len(sizes) == 1
    except (LookupError, ValueError):
        is_text = False
    if not is_text:
        raise argparse.ArgumentTypeError(f"'{text}' is not a text encoding")
    return DEFAULT_ENCODING if codecs.lookup(text).name == "utf-8" else text


def delimiter(text):
    """A character; a tab may be written as \\t."""
    text = "\t" if text == "\\t" else text
    if len(text) != 1 or text in '\r\n"':
        raise argparse.ArgumentTypeError(f"'{text}' is not a single character")
    return text


def file_format(text):
    if text not in FORMATS:
        raise argparse.ArgumentTypeError(f"'{text}' is not one of {', '.join(FORMATS)}")
    return text


def of_model(kind):
    """Return the type of VALUE and MODEL=VALUE: (model, value), or (None, value) for all models."""
    models = [dataset.name.lower() for dataset in DATASETS]

    def model_and_value(text):
        model, equals, value = text.partition("=")
        if not (equals and model.isidentifier()):
            return None, kind(text)
        if model not in models:
            raise argparse.ArgumentTypeError(f"'{model}' is not one of {', '.join(models)}")
        return model, kind(value)

    return model_and_value


def renamed_column(text):
    """MODEL.FIELD=COLUMN as (model, field, column)."""
    field, equals, column = text.partition("=")
    model, dot, field = field.partition(".")
    if not (equals and dot and column):
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form MODEL.FIELD=COLUMN")
    return model, field, column


def address(text):
    """The address of a Dask scheduler, as Dask shows it."""
    if not re.fullmatch(r"[a-z]+://[^\s@]+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not an address like tcp://HOST:PORT")
    return text


def path(text):
    if not text:
        raise argparse.ArgumentTypeError("a path is needed")
    return text
