"""Load small random files, and compare all that is said of them with a plain oracle.

    python -m tests.faults.fuzz --rounds 3000

A round loads files of up to three models, of every format, packed or not, good and bad in many
ways, into databases that may hold rows already. Compared are the exit status, the message, the
counts, every reject with its number, line, data and errors, how often each reason is given, the
files of rejects, and every row stored afterwards. `--seed` repeats a run and `--only` one round of
it; the files of a round that differs are kept.
"""

import argparse
import bz2
import csv
import gzip
import io
import json
import lzma
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import django
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from ..cases import ScratchDatabases
from . import oracle
from .oracle import FIELDS, MODELS

TABLES = {alias: f"distributed_insert_{model.lower()}" for alias, model in MODELS.items()}
MAX_TOLD = 1_000
LINE_ENDS = ("\n", "\r\n", "\r")
ODD_NUMBERS = (
    *(
        "",
        "0",
        "-1",
        "-0",
        "007",
        "1_000",
        "١٢",
        "+5",
        " 12",
        "3.0",
        "5.",
        ".5",
        "-.5",
        "1e5",
        "1E-2",
    ),
    *("1e999", "-1e999", "1e-400", "1-2", "-", ".", "e5", "NaN", "Infinity", "True", "0x10", "²"),
    *("2147483647", "2147483648", "-2147483649", "99999999999999999999", "9" * 400, "=1", "'7"),
)
NAMES = (
    *("Ann", "Ben", "Zoë", "Desk", " Cid ", "", "  ", "x" * 100, "x" * 101, "y" * 1200, "\u3000Li"),
    *(
        "A\u2028n",
        "a\x85b",
        "a\x00b",
        "a\tb",
        "\x1fAnn",
        "=1+1",
        "'=1",
        "@x",
        "-x",
        "-5",
        "'-x",
        "'",
    ),
    *("La\nmp", "La\rmp", "La\r\nmp", 'a "b"', "a,b", "a;b", "\ufeffx", "👍", "\xad"),
)
EMAILS = (
    *("a@b", "stanisław@wp.pl", " c@d ", "", " ", "a", "a@@b", "@b", "a@", "a b@c", "a@b\u2028c"),
    *("a\x7f@b", "a@b\x00", "\u3000e@f", "x" * 250 + "@bcd", "x" * 251 + "@bcd", "=a@b", "\xa0a@b"),
)
ODD_JSON = (
    *(
        "null",
        "true",
        "false",
        "1.0",
        "-0",
        "0",
        "-1",
        "2147483648",
        "1e5",
        "1e999",
        "-1e999",
        "NaN",
    ),
    *("Infinity", "-Infinity", "[]", "{}", '"5"', '""', '" "', '{"a": [1, {"b": null}]}', "[[1]]"),
    *("9" * 400, "-" + "9" * 400, '"\\ud800"', '"\\u0000"', '"a\\u2028b"', '"\u2028"', '"a\\nb"'),
    *('{"a": 1, "a": 2}', "[" * 150 + "]" * 150, "[NaN]", "9" * 4_300, "9" * 4_301),
    *('"]"', '"}, {"', '"\\\\"', '"\\"["'),
)
NO_JSON = ("[" * 100_000, "1_000", "+5", "012", "'x'", "", "{", '"', "1,", ",", "]")
ODD_LINES = (
    *("", "", "  ", '"', '""', '"1\n2', '1,"2', "x" * 140_000, "," * 1_100, "z" * 1_100_000),
    *("," * 1_100_000, 'a","b'),
)
NO_RECORDS = (
    *("[1]", "7", "-1.5e3", "null", '"x"', '"]"', "{}", "[]", "NaN", "[" * 150 + "]" * 150),
    *("[" * 100_000 + "]" * 100_000, json.dumps({f"k{n}": 1 for n in range(1_100)})),
    *(json.dumps({"name": "x" * 1_100_000}), json.dumps(["[]", {"}": '"\\'}] * 100_000)),
)
NO_LINES = ("", " ", "\u2028", "{", "{x}", "{} {}", "\ufeff{}", "\x00")
ODD_FIXTURE_MODELS = (
    *(json.dumps(f"distributed_insert.{model}") for model in ("user", "product", "order", "group")),
    *('"shop.users"', '""', '"user."', '"."', "null", "7", '["user"]'),
    json.dumps("shop." + "x" * 2_000),
)
ENDINGS = {"csv": ("csv", "txt", "data"), "json": ("json",), "jsonl": ("jsonl", "ndjson")}
PACK = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lambda content: lzma.compress(content, preset=0),
}
TROUBLES = {"": 860, "noise": 100, "no text": 12, "damage": 18, "another kind": 10}
NOISE = "\",;\r\n\x00'\t =é\u2028\x85\ufeff\\{}:0a"


class Round(NamedTuple):
    """What is loaded: files by alias, into rows by alias and id."""

    files: Dict[str, Tuple[str, bytes]]
    """The name and the content of each file."""
    rows: Dict[str, Dict[int, Tuple]]
    options: oracle.Options
    batch_size: int


def random_round(rng) -> Round:
    aliases = [alias for alias in FIELDS if rng.random() < 0.8] or ["users"]
    rows = {
        "users": {n: (n, f"User {n}", "u@v") for n in some_ids(rng)},
        "products": {n: (n, f"Product {n}", 1.5) for n in some_ids(rng)},
    }
    parents = [(user, product) for user in rows["users"] for product in rows["products"]]
    rows["orders"] = {n: (n, *rng.choice(parents), 1) for n in some_ids(rng) if parents}
    columns = {alias: {} for alias in FIELDS}
    if rng.random() < 0.1:
        alias = rng.choice(aliases)
        columns[alias][rng.choice(["id", "id", FIELDS[alias][1]])] = rng.choice(["key", "The Key"])
    options = oracle.Options(
        on_conflict=rng.choice(["error", "ignore", "update"]),
        format=random_words(rng, aliases, 0.05, list(ENDINGS)),
        encoding=random_words(rng, aliases, 0.02, ["latin-1", "utf-8-sig"]),
        delimiter=random_words(rng, aliases, 0.2, ",;\t|:"),
        ignore_unknown=rng.random() < 0.2,
        columns=columns,
        transaction=rng.choice([None] * 8 + ["all_or_nothing", "dry_run"]),
    )
    files = {alias: random_file(rng, alias, options) for alias in aliases}
    return Round(files, rows, options, rng.choice([1, 2, 3, 4, 5, 10_000]))


def some_ids(rng):
    return [n for n in range(1, 7) if rng.random() < 0.2] if rng.random() < 0.5 else []


def random_words(rng, aliases, share, choices) -> oracle.Said:
    """Say something of all files, of some models' or of nothing."""
    return {about: rng.choice(choices) for about in (None, *aliases) if rng.random() < share}


def random_file(rng, alias, options):
    ending = rng.choice(ENDINGS[rng.choice(["csv", "csv", "csv", "jsonl", "json"])])
    name = f"{alias}.{ending if rng.random() > 0.03 else ending.upper()}"
    kind = oracle.format_of(alias, name, options)
    # One kind of trouble for each file: which of several is found first is left open.
    [trouble] = rng.choices(list(TROUBLES), list(TROUBLES.values()))
    if kind == "csv":
        text = csv_text(rng, alias, options)
    else:
        text = json_text(rng, alias, options, kind == "json", trouble == "noise")
    if trouble == "noise":
        text = noisy(rng, text)
    encoding = oracle.encoding_of(alias, options).replace("-sig", "")
    content = text.encode(encoding, "replace")
    if encoding == "utf-8" and rng.random() < 0.2:
        content = b"\xef\xbb\xbf" + content
    if trouble == "no text":
        at = rng.randint(0, len(content))
        content = content[:at] + rng.choice([b"\xe9", b"\xff", b"\xed\xa0\x80"]) + content[at:]
    if trouble == "another kind":
        content = rng.choice(oracle.NOT_TEXT)[0] + content
    elif trouble == "damage" or rng.random() < 0.25:
        packing = rng.choice(list(PACK))
        content = packed(rng, content, packing, trouble == "damage")
        name += f".{packing}" if rng.random() < 0.7 else ""
    elif rng.random() < 0.03:
        name += f".{rng.choice(list(PACK))}"
    return name, content


def packed(rng, content, packing, is_damaged):
    """Pack bytes, in one stream or in two; if damaged, they are cut off or have a wrong byte."""
    middle = rng.randint(0, len(content)) if rng.random() < 0.2 else len(content)
    parts = [content[:middle], content[middle:]] if middle < len(content) else [content]
    content = b"".join(map(PACK[packing], parts))
    if is_damaged:
        # What comes before says how it is packed.
        at = rng.randrange(10, len(content))
        rest = b"" if rng.random() < 0.5 else bytes([content[at] ^ 1]) + content[at + 1 :]
        content = content[:at] + rest
    return content


def joined(rng, lines):
    """Join lines with one kind of line end, or with each kind, the last with one or without."""
    ends = LINE_ENDS if rng.random() < 0.1 else [rng.choice(["\n", "\n", *LINE_ENDS])]
    text = "".join(line + rng.choice(ends) for line in lines)
    return text.rstrip("\r\n") if rng.random() < 0.2 else text


def noisy(rng, text):
    if '"model"' in text:
        # Another app's name would end the load where it is met.
        return text
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice([*NOISE, ""]) + text[at + rng.randint(0, 1) :]
    return text


def csv_text(rng, alias, options):
    odd = random_share(rng)
    delimiter = oracle.said_of(alias, options.delimiter) or rng.choice(",,,,,,;\t|")
    header = list(oracle.columns_of(alias, options).values())
    if rng.random() < 0.3:
        rng.shuffle(header)
    names = list(header)
    if rng.random() < 0.2:
        header = [written_otherwise(rng, name) for name in header]
    for share, name in (
        (0.2, rng.choice(["_note", "_", "colour" if options.ignore_unknown else "_colour"])),
        (0.02, rng.choice(["colour", "x" * 120, "a\u2028b", "it's", "two words", " ", ""])),
        (0.02, written_otherwise(rng, rng.choice(header))),
        # Names once more, as if another character separated them.
        (0.03, rng.choice(oracle.DELIMITERS).join(["_", *names[rng.randint(0, 2) :], "_"])),
    ):
        if rng.random() < share:
            at = rng.randint(0, len(header))
            header.insert(at, name)
            names.insert(at, "_")
    if rng.random() < 0.1:
        header, names = ["_line", "_errors", *header], ["_", "_", *names]
    if rng.random() < 0.02:
        at = rng.randrange(len(header))
        header[at : at + 1] = rng.choice([[], [f"un{header[at]}"], [header[at]] * 2])
    if rng.random() < 0.01:
        header += [f"{rng.choice(['_', ''])}{n}" for n in range(rng.randint(1, 40))]
    rows = [[csv_value(rng, name, odd) for name in names] for _ in range(rng.randint(0, 9))]
    lines = [csv_line(rng, row, delimiter, odd) for row in rows]
    for line in ODD_LINES:
        if rng.random() < odd * rarity(line):
            lines.insert(rng.randint(0, len(lines)), line)
    lines.insert(0, delimiter.join(header))
    if rng.random() < 0.01:
        lines = []
    if rng.random() < 0.03:
        blank = rng.choice([1, 2, 3, 3, oracle.HEADER_LINES - 1, oracle.HEADER_LINES])
        lines = [""] * blank + lines
    return joined(rng, lines)


def written_otherwise(rng, name):
    """Change the case of a name, and the blanks around it."""
    name = rng.choice([str.upper, str.title, str.lower])(name)
    return rng.choice(["", "", " ", "\u3000"]) + name + rng.choice(["", "", " ", "\xa0"])


def random_share(rng):
    """Return a share of odd values: most files have few."""
    return rng.choice([0, 0.02, 0.1, 0.5])


def rarity(text):
    """Return a number that is smaller for longer texts: few rounds are to be slow."""
    return 1 / (5 + len(text) ** 0.5 / 10)


def csv_value(rng, name, odd):
    is_odd = rng.random() < odd
    if is_odd and rng.random() < 0.1:
        return rng.choice(NAMES + ODD_NUMBERS + EMAILS)
    if name == "name" or name.startswith("_"):
        return rng.choice(NAMES) if is_odd else "Ann"
    if name == "email":
        return rng.choice(EMAILS) if is_odd else "a@b"
    if name == "price":
        return rng.choice(ODD_NUMBERS) if is_odd else rng.choice(["1", "9.5", "100.00"])
    return rng.choice(ODD_NUMBERS) if is_odd else str(rng.randint(1, 8))


def csv_line(rng, row, delimiter, odd):
    if rng.random() < odd / 3:
        row = row[: rng.randint(1, len(row))]
    if rng.random() < odd / 3:
        row = row + ["more"] * rng.randint(1, 3)
    quoting = csv.QUOTE_ALL if rng.random() < 0.1 else csv.QUOTE_MINIMAL
    file = io.StringIO()
    # With this line end, cells that have any line end are quoted.
    csv.writer(file, delimiter=delimiter, lineterminator="\r\n", quoting=quoting).writerow(row)
    line = file.getvalue()[:-2]
    if rng.random() < odd / 3:
        at = rng.randint(0, len(line))
        line = line[:at] + '"' + line[at:]
    return line


def json_text(rng, alias, options, is_array, is_broken):
    """Return an array or lines; only a line, or an array that is to be broken, has faults."""
    odd = random_share(rng)
    odd_values = ODD_JSON if is_array and not is_broken else ODD_JSON + NO_JSON
    comma = rng.choice([", ", ",", ",\n  ", "\r\n ,\t"]) if is_array else ", "
    is_fixture = rng.random() < 0.2
    values = []
    for _ in range(rng.randint(0, 9)):
        pairs = json_pairs(rng, alias, options, odd, odd_values)
        if is_fixture and rng.random() > odd / 3:
            pairs = fixture_pairs(rng, alias, options, pairs, comma, odd)
        values.append(json_object(pairs, comma))
    for value in NO_RECORDS if is_array else NO_RECORDS + NO_LINES:
        if rng.random() < odd * rarity(value):
            values.insert(rng.randint(0, len(values)), value)
    if not is_array:
        return joined(rng, values)
    if rng.random() < 0.01:
        return rng.choice(["", " ", "\n\n"])
    blank = rng.choice(["", "", "\n", "\r\n", "\n\n\t"])
    return blank.join(["", "[", comma.join(values), "]", ""])


def json_pairs(rng, alias, options, odd, odd_values):
    """Return the keys and the values of a record, as they are written."""
    columns = list(oracle.columns_of(alias, options).values())
    pairs = [(json.dumps(name), json_value(rng, name, odd, odd_values)) for name in columns]
    if rng.random() < odd / 3:
        pairs.pop(rng.randrange(len(pairs)))
    if rng.random() < odd / 3:
        key = rng.choice([*columns, "_note", "_errors", "colour", "", "a\u2028b", "\ud800", "pk"])
        value = json_value(rng, key, odd, odd_values)
        pairs.insert(rng.randint(0, len(pairs)), (json.dumps(key), value))
    if rng.random() < 0.2:
        rng.shuffle(pairs)
    return pairs


def json_object(pairs, comma):
    return "{" + comma.join(f"{key}: {value}" for key, value in pairs) + "}"


def fixture_pairs(rng, alias, options, pairs, comma, odd):
    """Return the pairs of what dumpdata writes of a record, or almost."""
    key = json.dumps(oracle.columns_of(alias, options)["id"])
    model = rng.choice([MODELS[alias], MODELS[alias].lower()])
    model = json.dumps(f"distributed_insert.{model}")
    if rng.random() < 0.05 + odd:
        model = rng.choice(ODD_FIXTURE_MODELS)
    identifier = [('"pk"', value) for name, value in pairs if name == key]
    # If the id stays among the fields, there are two of it.
    fields = [pair for pair in pairs if pair[0] != key or rng.random() < odd / 3]
    found = [('"model"', model), *identifier, ('"fields"', json_object(fields, comma))]
    if rng.random() < odd / 5:
        found.append((rng.choice(['"natural"', '"pk"', key]), "1"))
    if rng.random() < odd / 5:
        found[-1] = ('"fields"', rng.choice(["null", "[]", "{}"]))
    return found


def json_value(rng, name, odd, odd_values):
    if rng.random() < odd / 2:
        return rng.choice(odd_values)
    value = csv_value(rng, name, odd)
    is_number = re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", value)
    if name in ("name", "email") or value and not is_number or rng.random() < odd / 5:
        return json.dumps(value, ensure_ascii=rng.random() < 0.5)
    return value or "null"


def store(rows):
    """Have just these rows in the databases."""
    for alias, table in rows.items():
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute(f"DELETE FROM {TABLES[alias]}")
            fields, places = ", ".join(FIELDS[alias]), ", ".join(["%s"] * len(FIELDS[alias]))
            insert = f"INSERT INTO {TABLES[alias]} ({fields}) VALUES ({places})"
            cursor.executemany(insert, list(table.values()))


def stored():
    """Return the rows of the databases."""
    found = {}
    for alias, fields in FIELDS.items():
        with connections[alias].cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(fields)} FROM {TABLES[alias]}")
            found[alias] = {row[0]: row for row in cursor.fetchall()}
    return found


class Fuzzer:
    """Rounds in a folder of their own; each depends on nothing but the seed and its number."""

    def __init__(self, folder, seed):
        self.folder = Path(folder)
        self.seed = seed
        self.figures = Counter()

    def differences(self, number) -> List[str]:
        """Run a round; return what is not as the oracle says."""
        round_ = random_round(random.Random(f"{self.seed}-{number}"))
        folder = self.folder / "round"
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        paths = {alias: str(folder / name) for alias, (name, _) in round_.files.items()}
        for alias, path in paths.items():
            Path(path).write_bytes(round_.files[alias][1])
        expected = oracle.load(paths, round_.rows, round_.options)
        store(round_.rows)
        status, message, output, summary = self.load(folder, paths, round_)
        found = list(differing("exit status", expected.status, status))
        if not are_the_lines(message, expected.message):
            found.append(difference("message", expected.message, message))
        found += differing("rows", expected.rows, stored())
        for alias, counts in expected.counts.items():
            model = summary["models"][MODELS[alias].lower()]
            found += differing(f"{alias} counts", counts, {name: model[name] for name in counts})
            reasons = [list(each.items()) for each in (expected.reasons[alias], model["reasons"])]
            found += differing(f"{alias} reasons", *reasons)
            lines = printed_rejects(output, MODELS[alias])
            found += differing_rejects(alias, paths[alias], expected.rejects[alias], lines)
            in_file = read_rejects(folder / "rejects", alias, round_)
            found += differing_files(alias, expected.in_files[alias], in_file)
        self.figures.update(files=len(paths), rejects=sum(map(len, expected.rejects.values())))
        self.figures[f"exit status {status}"] += 1
        self.figures.update(records=sum(c["read"] for c in expected.counts.values()))
        return found

    def load(self, folder, paths, round_):
        """Return the exit status, the lines of the message, the output and the summary."""
        options = round_.options._asdict()
        for name in ("format", "encoding", "delimiter"):
            options[name] = [
                (alias and MODELS[alias].lower(), value) for alias, value in options[name].items()
            ]
        held = options.pop("transaction")
        renamed = [
            (MODELS[alias].lower(), field, column)
            for alias, columns in options.pop("columns").items()
            for field, column in columns.items()
        ]
        output, status, message = io.StringIO(), 0, ""
        try:
            call_command(
                "populate_db",
                **paths,
                **options,
                **({held: True} if held else {}),
                map=renamed,
                batch_size=round_.batch_size,
                rejects=str(folder / "rejects"),
                summary=str(folder / "summary.json"),
                workers="thread",
                stdout=output,
            )
        except CommandError as error:
            status, message = error.returncode, str(error)
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        return status, message.split("\n") if message else [], output.getvalue(), summary


def differing(what, expected, found):
    if expected != found:
        yield difference(what, expected, found)


def difference(what, expected, found):
    return f"{what}:\n  found    {str(found)[:MAX_TOLD]}\n  expected {str(expected)[:MAX_TOLD]}"


def are_the_lines(found, expected):
    """Whether these are the lines, the errors of several files in any order."""
    return len(found) == len(expected) and all(
        re.fullmatch(".*".join(map(re.escape, form.split(oracle.OPEN))), line)
        for line, form in zip(sorted(found), sorted(expected))
    )


def printed_rejects(output, model) -> List[str]:
    """Return the lines of the list of a model's rejects."""
    _, _, rest = output.partition(f"{model} rejects: [\n")
    return rest.partition("]\n")[0].splitlines() if rest else []


def differing_rejects(alias, path, rejects, lines):
    if len(rejects) != len(lines):
        yield f"{alias}: {len(lines)} rejects are listed, expected {len(rejects)}"
    for reject, line in zip(rejects, lines):
        errors = [oracle.short(error) for error in reject.errors or []]
        place = f"'file': {path!r}, 'record': {reject.number}, 'line': {reject.line}}},"
        if reject.errors is None:
            expected = place
        elif reject.data is None:
            expected = f"'success': False, 'errors': {errors!r}, {place}"
        else:
            data = {"data": reject.data, "success": False, "errors": errors}
            expected = f"  {repr(data)[:-1]}, {place}"
        if not line.endswith(expected):
            yield difference(f"{alias} reject", expected, line)


def read_rejects(folder, alias, round_) -> List[Any]:
    """Return the records of a model's file of rejects, in the forms that `written` gives."""
    encoding = oracle.encoding_of(alias, round_.options).replace("-sig", "")
    for path in folder.glob(f"{alias}.*"):
        text = path.read_bytes().decode(encoding)
        if path.suffix == ".jsonl":
            return list(map(json.loads, text.split("\n")[:-1]))
        lines = list(io.StringIO(without_nul(text), newline=""))
        delimiter = oracle.delimiter_of(lines, alias, round_.options)
        # A value that is too large to be loaded is whole in the file.
        limit = csv.field_size_limit(sys.maxsize)
        _, *rows = oracle.csv_rows(lines, delimiter)
        csv.field_size_limit(limit)
        return [[*cells[:2], *map(oracle.unquoted, cells[2:])] for _, cells, _ in rows]
    return []


def written(reject, is_json):
    """Return the form that a reject has in a file."""
    if is_json:
        data = {"_text": reject.raw} if type(reject.raw) is str else reject.raw
        return {**data, "_line": reject.line, "_errors": reject.errors}
    cells = [reject.raw] if type(reject.raw) is str else reject.raw
    return [str(reject.line), "; ".join(reject.errors), *map(without_nul, cells)]


def without_nul(text):
    """Put something in the place of NUL, which csv cannot read before Python 3.11."""
    return text.replace("\0", "\1")


def differing_files(alias, rejects, found):
    """Compare what a file of rejects has with the rejects."""
    if len(rejects) != len(found):
        yield f"{alias}: {len(found)} rejects are in the file, expected {len(rejects)}"
    for reject, record in zip(rejects, found):
        if reject.errors is not None:
            # As text, in which NaN equals NaN.
            expected = repr(written(reject, type(record) is dict))
            yield from differing(f"{alias} reject in the file", expected, repr(record))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--only", type=int, help="the number of the one round to run")
    arguments = parser.parse_args()
    numbers = range(arguments.rounds) if arguments.only is None else [arguments.only]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ending:
        databases = ScratchDatabases(Path(folder))
        ending.callback(databases.remove)
        os.environ.update(databases.environment(DJANGO_SETTINGS_MODULE="ds_project.settings"))
        django.setup()
        for alias in FIELDS:
            call_command("migrate", database=alias, verbosity=0)
        fuzzer = Fuzzer(folder, arguments.seed)
        for number in numbers:
            differences = fuzzer.differences(number)
            if differences:
                wrong += 1
                kept = shutil.copytree(
                    fuzzer.folder / "round", tempfile.mkdtemp(prefix="fuzz-") + "/round"
                )
                sys.stdout.write(f"--seed {arguments.seed} --only {number}: files in {kept}\n")
                sys.stdout.writelines(f"  {difference}\n" for difference in differences)
    figures = ", ".join(f"{name}: {count:,}" for name, count in sorted(fuzzer.figures.items()))
    sys.stdout.write(f"Seed {arguments.seed}, {len(numbers)} rounds, {wrong} differ; {figures}.\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
