"""The header of a CSV file: which delimiter it has, and which column holds which field."""

import shlex
from collections import Counter
from typing import Callable, List, Mapping, Sequence

# Where several make as many of the expected columns, the first one is the delimiter.
DELIMITERS = ",;\t|"

# By what the file begins with.
JSON_FORMATS = {"[": "json", "{": "jsonl"}

# How much of a header a message shows: a file without line ends is all header.
MAX_COLUMNS = 20
MAX_CHARACTERS = 100


def find_delimiter(
    candidates: str, names: Sequence[str], header_with: Callable[[str], Sequence[str]]
) -> str:
    """Return the delimiter with which the header has the most of the expected names.

    If it has none of them with any delimiter, the one that makes the most columns is returned.
    """
    headers = {delimiter: header_with(delimiter) for delimiter in candidates}
    expected = set(map(_plain, names))
    found = {each: len(expected.intersection(map(_plain, headers[each]))) for each in candidates}
    if not any(found.values()):
        found = {each: len(header) if len(header) > 1 else 0 for each, header in headers.items()}
    return max(candidates, key=found.__getitem__)


def matched(header: Sequence[str], names: Sequence[str]) -> List[str]:
    """Return the header with the expected names as they are expected.

    What differs from an expected name only by case or by surrounding blanks stands for it, unless
    another column does as well.
    """
    columns = list(header)
    for name in set(names).difference(header):
        alike = [i for i, column in enumerate(header) if _plain(column) == _plain(name)]
        if len(alike) == 1 and header[alike[0]] not in names:
            columns[alike[0]] = name
    return columns


def fault(
    header: Sequence[str],
    columns: Sequence[str],
    names: Mapping[str, str],
    unknown: Sequence[str],
    model: str,
) -> str:
    """Return what is wrong with the header of a model's file and what helps; "" if it is right.

    `columns` are its names as `matched` returned them, and `unknown` those that no field uses;
    `names` has the expected ones by field.
    """
    beginning = "".join(header).lstrip()[:1]
    if beginning in JSON_FORMATS:
        return f"it looks like JSON: add --format {model}={JSON_FORMATS[beginning]}."
    missing = [field for field, name in names.items() if name not in columns]
    kinds = (
        ("missing", [names[field] for field in missing]),
        ("unknown", unknown),
        ("duplicate", sorted(name for name, n in Counter(columns).items() if n > 1)),
    )
    faults = [
        f"{kind} {'column' if len(found) == 1 else 'columns'} {_listed(found)}"
        for kind, found in kinds
        if found
    ]
    if not faults:
        return ""
    sentences = [
        f"wrong header: {'; '.join(faults)}.",
        f"Its columns are {_listed(header)}; it must name {', '.join(names.values())}, each once, "
        "in any order.",
    ]
    if len(missing) == len(names) and any(map(str.isdigit, header)):
        sentences.append(f"If it has no header, add one: {','.join(names.values())}.")
    elif missing:
        is_shown = unknown and _cut(unknown[0]).isprintable()
        column = shlex.quote(_cut(unknown[0])) if is_shown else "COLUMN"
        each = "If a column has" if len(missing) == 1 else "For each with"
        sentences.append(f"{each} another name, say so: --map {model}.{missing[0]}={column}.")
    if unknown:
        sentences.append("To ignore other columns: --ignore-unknown.")
    if len(header) == 1:
        sentences.append("If another character separates the columns: --delimiter.")
    return " ".join(sentences)


def _plain(name):
    return name.strip().casefold()


def _listed(names):
    shown = [repr(_cut(name)) for name in names[:MAX_COLUMNS]]
    if len(names) > MAX_COLUMNS:
        shown.append(f"and {len(names) - MAX_COLUMNS:,} more")
    return ", ".join(shown)


def _cut(name):
    return name if len(name) <= MAX_CHARACTERS else f"{name[:MAX_CHARACTERS]}..."
