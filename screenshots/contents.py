"""What the pictures show: parts of the source, and what commands print in a terminal."""

import ast
import hashlib
import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DIGESTS = HERE / "digests.json"

# By picture and file: the first and last definition of each part, or nothing for the whole file.
CODE = {
    "02-models-code": {"distributed_insert/models.py": []},
    "03-populate-command-part1": {
        "distributed_insert/management/commands/populate_db.py": [("Command", "Command.handle")]
    },
    "03-populate-command-part2": {
        "distributed_insert/executors/thread.py": [("ThreadExecutor", "ThreadExecutor")],
        "distributed_insert/loading/worker.py": [("LoadingWorker.read", "LoadingWorker.write")],
    },
    "04-sample-data": {"distributed_insert/sample_data.py": []},
    "04-validation-logic": {
        "distributed_insert/validation.py": [
            ("identifier", "not_blank"),
            ("email_address", "order_rules"),
        ]
    },
    "05-database-router": {"ds_project/router.py": []},
}
# By picture, in the order in which they are run; the first one in a copy without migrations.
COMMANDS = {
    "06-makemigrations": "makemigrations distributed_insert",
    "07-migration-users": "migrate --database=users",
    "08-migration-products": "migrate --database=products",
    "09-migration-orders": "migrate --database=orders",
    "10-final-output": "populate_db",
}
PROGRESS = "11-progress"
LOAD_FILES = "populate_db --users users.csv --products products.csv --orders orders.csv"
ADMIN = "12-admin"
ORDERS = "/admin/distributed_insert/order/"
PICTURES = (*CODE, *COMMANDS, PROGRESS, ADMIN)


def path(name):
    return HERE / f"{name}.png"


def digests():
    """Return, by picture, a digest of the text that it shows."""
    return json.loads(DIGESTS.read_text()) if DIGESTS.exists() else {}


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def store_digest(name, text):
    updated = {**digests(), name: digest(text)}
    DIGESTS.write_text(json.dumps(updated, indent=2, sort_keys=True) + "\n")


def line_ranges(path, parts):
    """Return the first and last line of each part of a file, counted from 1."""
    source = (ROOT / path).read_text(encoding="utf-8")
    if not parts:
        return [(1, len(source.splitlines()))]
    nodes = dict(_definitions(ast.parse(source)))
    return [(_first_line(nodes[first]), nodes[last].end_lineno) for first, last in parts]


def _first_line(node):
    return min(part.lineno for part in (node, *node.decorator_list))


def _definitions(node, prefix=""):
    for child in node.body:
        if isinstance(child, (ast.ClassDef, ast.FunctionDef)):
            yield prefix + child.name, child
            yield from _definitions(child, f"{prefix}{child.name}.")


def code_text(name):
    """Return the code that a picture shows, with file names and line numbers."""
    shown = []
    for file, parts in CODE[name].items():
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        shown.append(file)
        for first, last in line_ranges(file, parts):
            shown += [f"{number} {lines[number - 1]}" for number in range(first, last + 1)]
    return "\n".join(shown)


def command_text(command, printed):
    """Return a command and what it printed, without colours and what differs from run to run.

    The seconds do, and what Django's versions put before each thing that a migration does.
    """
    printed = re.sub(r"\x1b\[[\d;]*m", "", printed)
    printed = re.sub(r" +\d+\.\d\d$", " n.nn", printed, flags=re.MULTILINE)
    return f"{command}\n" + re.sub(r"^    [-+~] ", "    + ", printed, flags=re.MULTILINE)


def progress_text(drawn):
    """Return the columns of the bars as they were last drawn, all numbers and bars alike."""
    last = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", drawn[-1])
    last = re.sub(r"[━╸╺]+", "━", re.sub(r"\d[\d,.:]*|-:--:--", "n", last))
    return f"{LOAD_FILES}\n" + "\n".join(" ".join(line.split()) for line in last.splitlines())
