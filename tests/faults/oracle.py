"""What the manual says becomes of a load, in the plainest way: a record after the other.

Nothing here is fast, bounded or concurrent, and nothing is shared with the code that is tested.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import math
import re
import shlex
import unicodedata
import zlib
from contextlib import suppress
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

MODELS = {"users": "User", "products": "Product", "orders": "Order"}
# In the order in which a missing one is reported.
FIELDS = {
    "users": ["id", "name", "email"],
    "products": ["id", "name", "price"],
    "orders": ["id", "user_id", "product_id", "quantity"],
}
MAX_INTEGER = 2147483647
MAX_CHARACTERS = 1_048_576
TOO_LONG = f"record longer than {MAX_CHARACTERS:,} characters"
MAX_COLUMNS = 1_000
MAX_DEPTH = 100
MAX_DIGITS = 4_300
MAX_SHOWN = 1_000
MAX_SHOWN_VALUES = 20
HEADER_LINES = 10_000
DELIMITERS = ",;\t|"
"""Those that are found, the first one first."""
OPEN = "…"
"""Stands in a message for words that the manual leaves open."""

NOT_TEXT = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet"),
    (b"PAR1\x15\x04", "a Parquet file"),
    (b"ARROW1\0\0", "an Arrow file"),
    (b"Obj\x01", "an Avro file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\x04\x22\x4d\x18", "compressed with lz4"),
    (b"7z\xbc\xaf\x27\x1c", "an archive"),
    (b"Rar!\x1a\x07", "an archive"),
    (b"%PDF-", "a PDF document"),
    (b"<?xml", "XML or HTML"),
    (b"<!DOCTYPE html>", "XML or HTML"),
    (b"<html>", "XML or HTML"),
)
"""What the first bytes say."""

Said = Dict[Optional[str], str]
"""What is said of a model's file, by alias, and of all others, by None."""


class Options(NamedTuple):
    on_conflict: str
    format: Said
    encoding: Said
    delimiter: Said
    ignore_unknown: bool
    columns: Dict[str, Dict[str, str]]
    """By alias, the columns of the fields that are called otherwise."""
    transaction: Optional[str]
    """ "all_or_nothing", "dry_run" or neither."""


class Reject(NamedTuple):
    number: int
    line: int
    data: Optional[Dict[str, Any]]
    """The record as it is shown; None where that is left open."""
    errors: Optional[List[str]]
    """None where the words are left open."""
    raw: Union[List[str], Dict[str, Any], str]
    """What a file of rejects has of it: its cells, its object, or the text that is neither."""
    is_rejected: bool = True


class Outcome(NamedTuple):
    status: int
    message: List[str]
    """The lines of the error, those of several files in any order."""
    counts: Dict[str, Dict[str, int]]
    rejects: Dict[str, List[Reject]]
    in_files: Dict[str, List[Reject]]
    """What the files of rejects hold: these, and the ignored records that differ."""
    rows: Dict[str, Dict[int, Tuple]]
    reasons: Dict[str, Dict[str, int]]
    """How often the rejects of an alias have each reason, in the order in which it is reported."""


class Record(NamedTuple):
    line: int
    raw: Any
    fields: Dict[str, Any]
    data: Optional[Dict[str, Any]]
    faults: Optional[List[str]]
    """What is wrong with its form; None where the words are left open."""


class Unreadable(Exception):
    """A file that cannot be read as records at all."""


def load(files: Dict[str, str], rows: Dict[str, Dict[int, Tuple]], options: Options) -> Outcome:
    """Load files, by alias, into rows, by alias and id."""
    records, messages = {}, []
    for alias, path in files.items():
        try:
            records[alias] = read_file(alias, path, options)
        except Unreadable as error:
            messages += f"{path}: {error}".split("\n")
    if messages:
        return Outcome(1, [*messages, "Nothing was stored."], {}, {}, {}, rows, {})
    counts, in_files, stored = {}, {}, {alias: dict(table) for alias, table in rows.items()}
    for alias in ("users", "products", "orders"):
        if alias in files:
            became = load_records(alias, records[alias], stored, options)
            counts[alias], in_files[alias] = became
    rejects = {alias: [r for r in found if r.is_rejected] for alias, found in in_files.items()}
    reasons = {
        alias: reasons_of(found, format_of(alias, files[alias], options))
        for alias, found in rejects.items()
    }
    rejected = sum(map(len, rejects.values()))
    message = [f"{rejected} {'record was' if rejected == 1 else 'records were'} rejected."]
    if options.transaction == "all_or_nothing" and rejected:
        message = ["Rolled back: " + message[0], "Nothing was stored."]
        return Outcome(1, message, counts, rejects, in_files, rows, reasons)
    if options.transaction == "dry_run":
        stored = rows
    if not rejected:
        return Outcome(0, [], counts, rejects, in_files, stored, reasons)
    return Outcome(3, message, counts, rejects, in_files, stored, reasons)


def reasons_of(rejects, file_format):
    counts: Dict[str, int] = {}
    for reject in rejects:
        # The words that are left open are those of a record that is too large.
        grammar = "CSV" if file_format == "csv" else "JSON"
        for error in reject.errors or [f"Malformed {grammar}: "]:
            reason = without_what_differs(error)
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def without_what_differs(error):
    for pattern, reason in (
        (r"ID [0-9]+ already exists", r"ID already exists"),
        (r"Invalid reference: (user|product) [0-9]+ does", r"Invalid reference: \1 does"),
        (r"(Malformed CSV|Malformed JSON): .*", r"\1"),
        (r"[0-9,]+ values? more than", r"More values than"),
    ):
        if re.match(pattern, error):
            return re.sub(pattern, reason, error, count=1, flags=re.DOTALL)
    return error if len(error) <= 100 else f"{error[:100]}..."


def load_records(alias, records, stored, options):
    names = ("read", "inserted", "updated", "unchanged", "ignored", "differing", "rejected")
    counts = dict.fromkeys(names, 0)
    in_file = []
    for number, record in enumerate(records, 1):
        values, errors = judge(alias, record, stored, options)
        if errors or errors is None:
            became = "rejected"
            in_file.append(Reject(number, record.line, record.data, errors, record.raw))
        elif values["id"] not in stored[alias]:
            became = "inserted"
        elif options.on_conflict == "ignore":
            became = "ignored"
        elif stored[alias][values["id"]] == tuple(values[name] for name in FIELDS[alias]):
            became = "unchanged"
        else:
            became = "updated"
        if became in ("inserted", "updated"):
            stored[alias][values["id"]] = tuple(values[name] for name in FIELDS[alias])
        if became == "ignored":
            pairs = zip(FIELDS[alias], stored[alias][values["id"]])
            names = [name for name, value in pairs if values[name] != value]
            if names:
                error = f"ID {values['id']} already exists with another {', '.join(names)}"
                found = Reject(number, record.line, record.data, [error], record.raw, False)
                in_file.append(found)
                counts["differing"] += 1
        counts["read"] += 1
        counts[became] += 1
    return counts, in_file


def judge(alias, record, stored, options):
    """Return the values to be stored of the fields that are there, and every error of a record."""
    if record.faults is None:
        return {}, None
    values, errors, present = {}, [], record.fields
    is_json = type(record.raw) is dict
    integer, number = (typed_integer, typed_number) if is_json else (text_integer, text_number)

    def identifier(name, label):
        value = integer(present[name])
        if value is None or value < 1:
            return [f"{label} must be a positive integer"]
        if value > MAX_INTEGER:
            return [f"{label} must be at most 2147483647"]
        values[name] = value
        if name == "id":
            is_taken = value in stored[alias] and options.on_conflict == "error"
            return [f"ID {value} already exists"] if is_taken else []
        return []

    def not_empty(name, label):
        return [f"{label} cannot be empty"] if stripped(present[name]) in (None, "") else []

    def valid_name():
        values["name"] = name = stripped(present["name"])
        if type(name) is not str:
            return [] if name is None else ["Name contains invalid characters"]
        found = ["Name cannot be longer than 100 characters"] if len(name) > 100 else []
        if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
            found.append("Name contains invalid characters")
        return found

    def valid_email():
        values["email"] = email = stripped(present["email"])
        return [] if email in (None, "") or is_email(email) else ["Email is not valid"]

    def positive(name, label, parse, kind):
        values[name] = value = parse(present[name])
        if value is None:
            return [f"{label} must be {kind}"]
        return [] if value > 0 else [f"{label} must be positive"]

    def quantity():
        errors = positive("quantity", "Quantity", integer, "an integer")
        is_large = not errors and values["quantity"] > MAX_INTEGER
        return ["Quantity must be at most 2147483647"] if is_large else errors

    rules = {
        "users": [
            ("id", lambda: identifier("id", "ID")),
            ("email", lambda: not_empty("email", "Email")),
            ("email", valid_email),
            ("name", lambda: not_empty("name", "Name")),
            ("name", valid_name),
        ],
        "products": [
            ("id", lambda: identifier("id", "ID")),
            ("name", valid_name),
            ("price", lambda: positive("price", "Price", number, "a number")),
            ("name", lambda: not_empty("name", "Name")),
        ],
        "orders": [
            ("id", lambda: identifier("id", "ID")),
            ("quantity", quantity),
            ("user_id", lambda: identifier("user_id", "User ID")),
            ("product_id", lambda: identifier("product_id", "Product ID")),
        ],
    }
    for name, rule in rules[alias]:
        if name in present:
            errors += rule()
    for name, parents, label in (
        ("user_id", "users", "user"),
        ("product_id", "products", "product"),
    ):
        if name in values and values[name] not in stored[parents]:
            errors.append(f"Invalid reference: {label} {values[name]} does not exist")
    if type(record.raw) is not str:
        errors += [f"Missing field: {name}" for name in FIELDS[alias] if name not in present]
    return values, errors + record.faults


def stripped(value):
    return value.strip() if type(value) is str else value


def text_integer(text):
    return int(text) if re.fullmatch("-?[0-9]+", text) else None


def text_number(text):
    if not re.fullmatch(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return None
    return typed_number(float(text))


def typed_integer(value):
    return value if type(value) is int else None


def typed_number(value):
    try:
        return float(value) if type(value) in (int, float) and math.isfinite(value) else None
    except OverflowError:
        return None


def is_email(value):
    if type(value) is not str or len(value) > 254 or value.count("@") != 1:
        return False
    if any(c.isspace() or unicodedata.category(c) in ("Cc", "Cs") for c in value):
        return False
    return all(value.split("@"))


def said_of(alias, said: Said):
    return said.get(alias, said.get(None))


def format_of(alias, path, options):
    name = re.sub(r"\.(gz|bz2|xz)$", "", path.lower())
    ending = name.rpartition(".")[2]
    by_name = {"json": "json", "jsonl": "jsonl", "ndjson": "jsonl"}.get(ending, "csv")
    return said_of(alias, options.format) or by_name


def encoding_of(alias, options):
    return said_of(alias, options.encoding) or "utf-8-sig"


def columns_of(alias, options):
    """Return the column or key that each field is read from."""
    return {name: options.columns[alias].get(name, name) for name in FIELDS[alias]}


def read_file(alias, path, options) -> List[Record]:
    with open(path, "rb") as file:
        text = decoded(unpacked(file.read()), encoding_of(alias, options))
    read = {"csv": read_csv, "json": read_array, "jsonl": read_json_lines}
    return read[format_of(alias, path, options)](text, alias, options)


def unpacked(content):
    for beginning, what in NOT_TEXT:
        if content.startswith(beginning):
            raise Unreadable(f"this is {what}. {OPEN}")
    for beginning, unpack in (
        (b"\x1f\x8b", gzip.decompress),
        (b"BZh9", lambda packed: all_streams(packed, bz2.BZ2Decompressor)),
        (b"\xfd7zXZ\0", lambda packed: all_streams(packed, lzma.LZMADecompressor)),
    ):
        if content.startswith(beginning):
            try:
                return unpack(content)
            except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
                raise Unreadable(f"cannot be unpacked: {OPEN}") from error
    return content


def all_streams(packed, unpacker_class):
    """Unpack streams to the last one: Python's own functions end before one that is damaged."""
    content = b""
    while packed:
        unpacker = unpacker_class()
        content += unpacker.decompress(packed)
        if not unpacker.eof:
            raise EOFError
        packed = unpacker.unused_data
    return content


def decoded(content, encoding):
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", error.object[: error.start])) + 1
        raise Unreadable(
            f"not UTF-8 (byte 0x{error.object[error.start]:02x} in line {line}). Save it as "
            "UTF-8, or name the encoding it has with --encoding."
        ) from error


def lines_of(text):
    return list(io.StringIO(text, newline=""))


def too_large(line, raw):
    return Record(line, raw, {}, None, None)


def is_unknown(name, columns, options):
    return not (options.ignore_unknown or name in columns.values() or name.startswith("_"))


def read_json_lines(text, alias, options):
    if not text:
        raise Unreadable("empty, without even a record.")
    records = [
        json_record(number, line, alias, options)
        for number, line in enumerate(lines_of(text), 1)
        if line.strip()
    ]
    return list(filter(None, records))


def read_array(text, alias, options):
    """Read all of an array, or nothing of what is not one."""
    if not text.strip(" \t\r\n"):
        raise Unreadable("empty, without even an array.")
    try:
        places = elements(text)
    except ValueError as error:
        raise Unreadable(f"not a JSON array: {OPEN}.") from error
    records = [
        json_record(len(re.findall("\r\n|\r|\n", text[:at])) + 1, text[at:end], alias, options)
        for at, end in places
    ]
    return list(filter(None, records))


def elements(text):
    """Return where each element of an array begins and ends. Raises ValueError if it is not one."""

    def begin(at):
        """Return where the next part begins: blanks do not matter."""
        return re.compile(r"[ \t\r\n]*").match(text, at).end()

    def passed(character, at):
        if text[at : at + 1] != character:
            raise ValueError(f"not {character}")
        return begin(at + 1)

    places = []
    at = passed("[", begin(0))
    has_more = text[at : at + 1] != "]"
    while has_more:
        end = end_of_value(text, at)
        places.append((at, end))
        at = begin(end)
        has_more = text[at : at + 1] == ","
        at = passed(",", at) if has_more else at
    if passed("]", at) < len(text):
        raise ValueError("something follows")
    return places


def end_of_value(text, at):
    """Return where a value ends; only one that is too long may be anything between its brackets."""
    if text[at : at + 1] not in ("[", "{", '"'):
        return grammar.raw_decode(text, at)[1]
    depth, is_in_string = 0, False
    for mark in re.compile(r'\\.|["\[\]{}]', re.DOTALL).finditer(text, at):
        if mark.group() == '"':
            is_in_string = not is_in_string
        elif not is_in_string and mark.group() in "[]{}":
            depth += 1 if mark.group() in "[{" else -1
        if depth == 0 and not is_in_string:
            value = text[at : mark.end()]
            break
    else:
        raise ValueError("not ended")
    if len(value) <= MAX_CHARACTERS:
        # Of what is nested too deeply, only the brackets can be looked at.
        with suppress(RecursionError):
            grammar.decode(value)
    return at + len(value)


def json_record(line, text, alias, options) -> Optional[Record]:
    """Return the record that a text is; None if it is ignored."""
    columns = columns_of(alias, options)

    def unusable(error):
        cut = text.rstrip("\r\n")
        return Record(line, cut, {}, shown({"text": cut}), [error])

    def malformed(reason):
        return unusable(f"Malformed JSON: {reason}")

    if len(text) > MAX_CHARACTERS:
        return too_large(line, text)
    try:
        raw = strict.decode(text)
    except TooManyValues:
        return too_large(line, text)
    except json.JSONDecodeError as error:
        return malformed(f"{error.msg} at character {error.pos + 1}")
    except RecursionError:
        return malformed("nested too deeply")
    except ValueError as error:
        return malformed(error)
    if type(raw) is not dict:
        return malformed("not an object")
    if depth(raw) > MAX_DEPTH:
        return malformed("nested too deeply")
    if is_of_fixture(raw):
        model, key = raw["model"], columns["id"]
        if model.rpartition(".")[2].lower() != MODELS[alias].lower():
            is_ignored = options.ignore_unknown
            return None if is_ignored else unusable(f"Object of another model: {model}")
        if "pk" in raw and key in raw["fields"]:
            return malformed(f"both 'pk' and {key!r}")
        identifier = {key: raw["pk"]} if "pk" in raw else {}
        raw = {**identifier, **raw["fields"]}
        # dumpdata writes decimals as text.
        price = columns.get("price")
        if type(raw.get(price)) is str and text_number(raw[price]) is not None:
            raw[price] = text_number(raw[price])
    fields = {name: raw[column] for name, column in columns.items() if column in raw}
    faults = [f"Unknown field: {name}" for name in raw if is_unknown(name, columns, options)]
    data = {name: value for name, value in raw.items() if not name.startswith("_")}
    return Record(line, raw, fields, shown(data) if has_finite_numbers(data) else None, faults)


def is_of_fixture(raw):
    """Whether an object is of the form that dumpdata writes."""
    return (
        set(raw) in ({"model", "pk", "fields"}, {"model", "fields"})
        and type(raw["model"]) is str
        and type(raw["fields"]) is dict
    )


class TooManyValues(Exception):
    """An object has them."""


def without_duplicates(pairs):
    if len(pairs) > MAX_COLUMNS:
        raise TooManyValues
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"duplicate key {key!r}")
    return dict(pairs)


def short_integer(digits):
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"number of more than {MAX_DIGITS:,} digits")
    return int(digits)


grammar = json.JSONDecoder(parse_int=str)
strict = json.JSONDecoder(object_pairs_hook=without_duplicates, parse_int=short_integer)


def depth(value):
    if type(value) not in (dict, list):
        return 0
    return 1 + max(map(depth, value.values() if type(value) is dict else value), default=0)


def has_finite_numbers(value):
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def read_csv(text, alias, options):
    lines = lines_of(text)
    if not any(line.strip("\r\n") for line in lines[:HEADER_LINES]):
        if len(lines) > HEADER_LINES:
            raise Unreadable(f"no header in its first {HEADER_LINES:,} lines.")
        raise Unreadable("empty, without even a header.")
    (_, header, reason), *rows = csv_rows(lines, delimiter_of(lines, alias, options))
    if reason or len(header) > MAX_COLUMNS:
        raise Unreadable(f"wrong header: Malformed CSV: {OPEN}.")
    # Only a file of rejects has this column: its formulas are made harmless by a quote.
    is_rejects_file = "_errors" in header
    header = list(map(unquoted, header)) if is_rejects_file else header
    fault = header_fault(header, alias, options)
    if fault:
        raise Unreadable(fault)
    columns = matched(header, columns_of(alias, options))
    records = []
    for line, cells, reason in rows:
        if TOO_LONG in reason:
            records.append(too_large(line, cells))
        elif reason:
            records.append(Record(line, cells, {}, shown({"text": cells}), [reason]))
        elif len(cells) > MAX_COLUMNS:
            records.append(too_large(line, cells))
        else:
            cells = list(map(unquoted, cells)) if is_rejects_file else cells
            records.append(csv_record(line, header, cells, columns))
    return records


def delimiter_of(lines, alias, options):
    """Return the delimiter: if none is given, the first that makes the most expected columns.

    If none makes one of them, it is the first that makes the most columns.
    """
    expected = set(map(plain, columns_of(alias, options).values()))
    first = next((n for n, line in enumerate(lines) if line.strip("\r\n")), 0)

    def found(delimiter):
        cells, reason, _ = csv_row(lines[first:], delimiter)
        cells = [] if reason or len(cells) > MAX_COLUMNS else cells
        return len(expected & set(map(plain, cells))), len(cells) > 1 and len(cells)

    most = max(map(found, DELIMITERS))
    of_most = [each for each in DELIMITERS if found(each)[0] == most[0]]
    best = max(of_most, key=lambda each: found(each)[1]) if most[0] == 0 else of_most[0]
    return said_of(alias, options.delimiter) or best


def plain(name):
    return name.strip().casefold()


def matched(header, columns):
    """Return the names that the columns have in a header, by field; without those it lacks.

    If none is called just so, the only one that differs by case and surrounding blanks is meant.
    """
    found = {}
    for field, column in columns.items():
        alike = [name for name in header if plain(name) == plain(column)]
        if column in header:
            found[field] = column
        elif len(alike) == 1 and alike[0] not in columns.values():
            found[field] = alike[0]
    return found


def header_fault(header, alias, options):
    """Return what is wrong with a header and what helps, or ""."""
    columns, model = columns_of(alias, options), MODELS[alias].lower()
    beginning = "".join(header).lstrip()[:1]
    if beginning and beginning in "[{":
        formats = {"[": "json", "{": "jsonl"}
        return f"it looks like JSON: add --format {model}={formats[beginning]}."
    found = matched(header, columns)
    missing = [field for field in columns if field not in found]
    unknown = [
        name for name in header if name not in found.values() and is_unknown(name, columns, options)
    ]
    kinds = (
        ("missing", [columns[field] for field in missing]),
        ("unknown", unknown),
        ("duplicate", sorted({name for name in header if header.count(name) > 1})),
    )
    faults = [f"{kind} column{'s' * (len(n) > 1)} {listed(n)}" for kind, n in kinds if n]
    if not faults:
        return ""
    sentences = [
        f"wrong header: {'; '.join(faults)}.",
        f"Its columns are {listed(header)}; it must name {', '.join(columns.values())}, each once, "
        "in any order.",
    ]
    if len(missing) == len(columns) and any(name.isdigit() for name in header):
        sentences.append(f"If it has no header, add one: {','.join(columns.values())}.")
    elif missing:
        can_be_typed = unknown and cut_off(unknown[0]).isprintable()
        example = shlex.quote(cut_off(unknown[0])) if can_be_typed else "COLUMN"
        field = f"{model}.{missing[0]}"
        which = "If a column has" if len(missing) == 1 else "For each with"
        sentences.append(f"{which} another name, say so: --map {field}={example}.")
    if unknown:
        sentences.append("To ignore other columns: --ignore-unknown.")
    if len(header) == 1:
        sentences.append("If another character separates the columns: --delimiter.")
    return " ".join(sentences)


def listed(names):
    shown = [repr(cut_off(name)) for name in names[:20]]
    return ", ".join(shown + ([f"and {len(names) - 20:,} more"] if len(names) > 20 else []))


def cut_off(name):
    return name if len(name) <= 100 else f"{name[:100]}..."


def csv_record(line, header, cells, columns):
    if len(cells) > max(map(header.index, columns.values())):
        # What only ignored columns lack is blank.
        cells = cells + [""] * (len(header) - len(cells))
    named = dict(zip(header, cells))
    fields = {name: named[column] for name, column in columns.items() if column in named}
    data = {name: value for name, value in named.items() if not name.startswith("_")}
    # A file of rejects has these columns of its own.
    own = [n for n, name in enumerate(header) if name in ("_line", "_errors")]
    cells = [cell for n, cell in enumerate(cells) if n not in own]
    header = [name for n, name in enumerate(header) if n not in own]
    more = len(cells) - len(header)
    if more <= 0:
        return Record(line, cells, fields, shown(data), [])
    fault = f"{more} {'value' if more == 1 else 'values'} more than the header has columns"
    return Record(line, cells, fields, None, [fault])


def csv_rows(lines, delimiter):
    """Return (line, cells, "") of each row that is not blank, or (line, text, reason)."""
    rows = []
    ran_through, why = 0, ""
    start = 0
    while start < len(lines):
        cells, reason, taken = csv_row(lines[start:], delimiter)
        if taken > 1 and start + 1 < ran_through:
            # Its quoted field runs on into lines through which another one has run in vain.
            cells, reason, taken = None, why, 1
        if reason and start + taken > ran_through:
            ran_through, why = start + taken, reason
        if reason:
            rows.append((start + 1, lines[start].rstrip("\r\n"), reason))
        elif cells:
            rows.append((start + 1, cells, ""))
        start += 1 if reason else taken
    return rows


def csv_row(lines, delimiter):
    """Return the cells of the first row, why it is not one, and how many lines were read."""
    taken = []

    def taking():
        for line in lines:
            taken.append(line)
            if sum(map(len, taken)) > MAX_CHARACTERS:
                raise csv.Error(TOO_LONG)
            yield line

    try:
        return next(csv.reader(taking(), delimiter=delimiter, strict=True)), "", len(taken)
    except csv.Error as error:
        return None, f"Malformed CSV: {error}", len(taken)


def unquoted(cell):
    """Take the quote off that keeps a spreadsheet from running a cell as a formula."""
    rest = cell.lstrip("'")
    is_number = re.match(r"-[0-9]+(\.[0-9]+)?\Z", rest)
    is_formula = rest[:1] in tuple("=+-@\t\r\n") and rest and not is_number
    return cell[1:] if is_formula and cell != rest else cell


def shown(data):
    """Shorten what is too long to be shown."""
    values = {name: short(value) for name, value in list(data.items())[:MAX_SHOWN_VALUES]}
    if len(data) > MAX_SHOWN_VALUES:
        values["..."] = f"{len(data) - MAX_SHOWN_VALUES:,} more"
    return values


def short(value):
    text = value if type(value) is str else repr(value)
    if len(text) <= MAX_SHOWN:
        return value
    return f"{text[:MAX_SHOWN]}... ({len(text):,} characters)"
