"""What README.md says becomes of a load, in the plainest way: a record after the other.

Nothing here is fast, bounded or concurrent, and nothing is shared with the code that is tested.
"""

import csv
import gzip
import io
import json
import math
import re
import unicodedata
import zlib
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

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
MAX_SHOWN = 1_000


class Options(NamedTuple):
    on_conflict: str
    encoding: str
    delimiter: str
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
    """The lines of the error; one that ends with ( goes on in Python's words."""
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
            messages.append(f"{path}: {error}")
    if messages:
        return Outcome(1, [*messages, "Nothing was stored."], {}, {}, {}, rows, {})
    counts, in_files, stored = {}, {}, {alias: dict(table) for alias, table in rows.items()}
    for alias in ("users", "products", "orders"):
        if alias in files:
            became = load_records(alias, records[alias], stored, options)
            counts[alias], in_files[alias] = became
    rejects = {alias: [r for r in found if r.is_rejected] for alias, found in in_files.items()}
    reasons = {alias: reasons_of(found, files[alias]) for alias, found in rejects.items()}
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


def reasons_of(rejects, path):
    counts: Dict[str, int] = {}
    for reject in rejects:
        # The words that are left open are those of a record that is too large.
        grammar = "JSON" if is_json_lines(path) else "CSV"
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


def read_file(alias, path, options) -> List[Record]:
    with open(path, "rb") as file:
        content = file.read()
    if path.lower().endswith(".gz"):
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error) as error:
            raise Unreadable("not a whole gzip file (") from error
        except OSError as error:
            raise Unreadable(f"{error}.") from error
    try:
        text = content.decode(options.encoding)
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", error.object[: error.start])) + 1
        raise Unreadable(
            f"not UTF-8 (byte 0x{error.object[error.start]:02x} in line {line}). Save it as "
            "UTF-8, or name the encoding it has with --encoding."
        ) from error
    lines = list(io.StringIO(text, newline=""))
    columns = {name: options.columns[alias].get(name, name) for name in FIELDS[alias]}
    return (read_json if is_json_lines(path) else read_csv)(lines, columns, options)


def is_json_lines(path):
    return path.lower().endswith((".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"))


def too_large(line, raw):
    return Record(line, raw, {}, None, None)


def is_unknown(name, columns, options):
    return not (options.ignore_unknown or name in columns.values() or name.startswith("_"))


def read_json(lines, columns, options):
    records = []
    for line, text in enumerate(lines, 1):
        if text.strip():
            records.append(json_record(line, text, columns, options))
    return records


def json_record(line, text, columns, options):
    def malformed(reason):
        cut = text.rstrip("\r\n")
        return Record(line, cut, {}, shown({"text": cut}), [f"Malformed JSON: {reason}"])

    if len(text) > MAX_CHARACTERS:
        return too_large(line, text)
    try:
        raw = json.JSONDecoder(object_pairs_hook=without_duplicates).decode(text)
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
    if len(raw) > MAX_COLUMNS:
        return too_large(line, raw)
    fields = {name: raw[column] for name, column in columns.items() if column in raw}
    faults = [f"Unknown field: {name}" for name in raw if is_unknown(name, columns, options)]
    data = {name: value for name, value in raw.items() if not name.startswith("_")}
    return Record(line, raw, fields, shown(data) if has_finite_numbers(data) else None, faults)


def without_duplicates(pairs):
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"duplicate key {key!r}")
    return dict(pairs)


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


def read_csv(lines, columns, options):
    rows = csv_rows(lines, options.delimiter)
    _, header, reason = rows.pop(0) if rows else (1, [], "")
    faults = [reason] if reason else header_faults(header, columns, options)
    if faults:
        raise Unreadable(
            f"wrong header: {'; '.join(faults)}. The header must name "
            f"{', '.join(columns.values())}, each once, in any order."
        )
    # Only a file of rejects has this column: its formulas are made harmless by a quote.
    is_rejects_file = "_errors" in header
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


def header_faults(header, columns, options):
    kinds = (
        ("missing", [name for name in columns.values() if name not in header]),
        ("unknown", [name for name in header if is_unknown(name, columns, options)]),
        ("duplicate", sorted({name for name in header if header.count(name) > 1})),
    )
    return [f"{kind} column {', '.join(map(repr, names))}" for kind, names in kinds if names]


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
    return {
        name: f"{value[:MAX_SHOWN]}... ({len(value):,} characters)"
        if type(value) is str and len(value) > MAX_SHOWN
        else value
        for name, value in data.items()
    }
