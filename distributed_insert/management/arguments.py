"""The options of the commands."""

import argparse

from django.utils.text import get_text_list

from ..datasets import DATASETS
from ..executors import WORKERS
from ..loading import ON_CONFLICT, Options
from ..sources import FORMATS
from . import option_types
from .usage import option


class OneFile(argparse.Action):
    """Stores a path; with a second one, the first file would not be loaded."""

    def __call__(self, parser, namespace, values, option_string=None):
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, "given twice, but a model is loaded from one file")
        setattr(namespace, self.dest, values)


def add_summary(parser):
    parser.add_argument(
        "--summary",
        type=option_types.path,
        metavar="FILE",
        help="write the outcome to this path or URL as a JSON document; - is standard output, and "
        "all else is printed to standard error then",
    )


def add_load_options(parser):
    """Add the options of populate_db. Those that `usage` checks have no defaults here."""
    files = parser.add_argument_group(
        "files",
        "CSV with a header, JSON Lines (.jsonl, .ndjson), or JSON arrays and Django's fixtures\n"
        "(.json); plain or compressed (.gz, .bz2, .xz); a path or URL (https://, s3://).\n"
        "- is standard input, for one of the models. Without a file, the sample is loaded.\n"
        "MODEL is "
        f"{get_text_list([dataset.name.lower() for dataset in DATASETS], 'or')}.",
    )
    for dataset in DATASETS:
        files.add_argument(
            option(dataset.plural),
            type=option_types.path,
            action=OneFile,
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
        type=option_types.of_model(option_types.file_format),
        action="append",
        metavar="[MODEL=]FORMAT",
        help=f"format of the files, or of one model's, whatever their names say: "
        f"{', '.join(FORMATS)} (repeatable)",
    )
    files.add_argument(
        "--encoding",
        type=option_types.of_model(option_types.encoding),
        action="append",
        metavar="[MODEL=]ENCODING",
        help="encoding of the files, or of one model's (default: UTF-8, with or without a byte "
        "order mark; repeatable)",
    )
    files.add_argument(
        "--delimiter",
        type=option_types.of_model(option_types.delimiter),
        action="append",
        metavar="[MODEL=]CHARACTER",
        help="character between the columns of CSV files, or of one model's (default: the one of "
        r"comma, semicolon, tab and | that fits the header; \t is a tab; repeatable)",
    )
    files.add_argument(
        "--map",
        type=option_types.renamed_column,
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
        type=option_types.path,
        metavar="DIR",
        help="write rejected records to this folder (a path or URL) with their reasons, one new "
        "file per model in the format of its source, to be fixed and loaded again",
    )
    records.add_argument(
        "--max-errors",
        type=option_types.whole_number,
        metavar="N",
        help="give up when more than N records have been rejected",
    )

    transactions = parser.add_argument_group("transactions")
    transactions.add_argument(
        "--batch-size",
        type=option_types.positive_integer,
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

    workers = parser.add_argument_group("workers")
    workers.add_argument(
        "--workers",
        choices=WORKERS,
        help="load each model in a thread, a process or a Dask actor of its own (default: a "
        "process if the files are large, else a thread)",
    )
    workers.add_argument(
        "--scheduler",
        type=option_types.address,
        metavar="ADDRESS",
        help="address of the Dask scheduler, for example tcp://10.0.0.1:8786 (default: "
        "$DASK_SCHEDULER_ADDRESS); files are opened where its workers are",
    )
    workers.add_argument(
        "--wait",
        type=option_types.whole_number,
        metavar="SECONDS",
        help="wait at most so long for the scheduler and for free Dask workers with the resources "
        f"that the databases need (default: {Options.wait}; at least 2)",
    )
    output = parser.add_argument_group("output")
    add_summary(output)
    output.add_argument(
        "--no-progress",
        action="store_true",
        help="show no progress bars; they are shown on a terminal only",
    )
