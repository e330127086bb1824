"""The commands' options and their types: wrong values are reported before anything starts."""

import argparse
import codecs
import string

from ..datasets import DATASETS
from ..executors import WORKERS
from ..loading import ON_CONFLICT, Options
from ..sources import DEFAULT_ENCODING, FORMATS
from .usage import option


def positive_integer(text):
    return _integer(text, 1, "a positive integer")


def whole_number(text):
    return _integer(text, 0, "a whole number")


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


def path(text):
    if not text:
        raise argparse.ArgumentTypeError("a path is needed")
    return text


def add_summary(parser):
    parser.add_argument(
        "--summary",
        type=path,
        metavar="FILE",
        help="write the outcome there as a JSON document; - is standard output, and all else is "
        "printed to standard error then",
    )


def add_load_options(parser):
    """Add the options of populate_db. Those that `usage` checks have no defaults here."""
    files = parser.add_argument_group(
        "files",
        "CSV with a header, JSON Lines (.jsonl, .ndjson), or JSON arrays and Django's fixtures\n"
        "(.json); plain or compressed (.gz, .bz2, .xz). - is standard input, for one of the\n"
        "models. Without a file, the sample is loaded.",
    )
    for dataset in DATASETS:
        files.add_argument(
            option(dataset.plural),
            type=path,
            metavar="FILE",
            help=f"{dataset.plural}: {', '.join(dataset.fields)}",
        )
    files.add_argument(
        "--sample",
        action="store_true",
        help="load the sample also into tables that hold other records",
    )
    files.add_argument(
        "--format",
        type=of_model(file_format),
        action="append",
        metavar="[MODEL=]FORMAT",
        help=f"format of the files, or of one model's, whatever their names say: "
        f"{', '.join(FORMATS)} (repeatable)",
    )
    files.add_argument(
        "--encoding",
        type=of_model(encoding),
        action="append",
        metavar="[MODEL=]ENCODING",
        help="encoding of the files, or of one model's (default: UTF-8, with or without a byte "
        "order mark; repeatable)",
    )
    files.add_argument(
        "--delimiter",
        type=of_model(delimiter),
        action="append",
        metavar="[MODEL=]CHARACTER",
        help="character between the columns of CSV files, or of one model's (default: the one of "
        r"comma, semicolon, tab and | that fits the header; \t is a tab; repeatable)",
    )
    files.add_argument(
        "--map",
        type=renamed_column,
        action="append",
        metavar="MODEL.FIELD=COLUMN",
        help="read a field from a column or key of another name, for example "
        "product.name=title (repeatable)",
    )
    files.add_argument(
        "--ignore-unknown",
        action="store_true",
        default=None,
        help="ignore columns and keys that no field uses; those that begin with _ always are",
    )

    records = parser.add_argument_group("records")
    records.add_argument(
        "--on-conflict",
        choices=ON_CONFLICT,
        help="what to do with a record whose id already exists, in the database or earlier "
        "in the file: reject it (error, the default), ignore it (ignore), or store it over "
        "the other one (update)",
    )
    records.add_argument(
        "--rejects",
        type=path,
        metavar="DIR",
        help="write rejected records to this folder with their reasons, one new file per "
        "model in the format of its source, to be fixed and loaded again",
    )
    records.add_argument(
        "--max-errors",
        type=whole_number,
        metavar="N",
        help="give up when more than N records have been rejected",
    )

    transactions = parser.add_argument_group("transactions")
    transactions.add_argument(
        "--batch-size",
        type=positive_integer,
        default=Options.batch_size,
        metavar="N",
        help="records in one transaction (default: %(default)s)",
    )
    transactions.add_argument(
        "--all-or-nothing",
        action="store_true",
        help="commit all databases at the end, and only if no record was rejected",
    )
    transactions.add_argument(
        "--dry-run",
        action="store_true",
        help="do everything, report everything, and roll everything back at the end",
    )
    transactions.add_argument(
        "--migrate",
        action="store_true",
        help="apply the pending migrations of every database first",
    )

    workers = parser.add_argument_group("what loads")
    workers.add_argument(
        "--workers",
        choices=WORKERS,
        help="one per model (default: a process for large files, else a thread)",
    )
    output = parser.add_argument_group("output")
    add_summary(output)
    output.add_argument(
        "--no-progress",
        action="store_true",
        help="show no progress bars; they are shown on a terminal only",
    )
