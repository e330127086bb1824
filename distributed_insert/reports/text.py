"""What people and programs are shown: results as Python literals, counts, and how it ended."""

import signal
from dataclasses import asdict
from typing import Any, Dict, Iterator, Mapping, Sequence, Tuple

from ..loading.results import Counts, Outcome, Reject, rejection

Records = Sequence[Dict[str, Any]]

# Of a longer text, so many characters are shown; a file of rejects has it whole.
MAX_SHOWN = 1000

FAILED = 1
REJECTED = 3


def report(outcome: Outcome, samples: Mapping[str, Records], dry_run: bool) -> Iterator[str]:
    """Tell, line by line, what became of the records, and then how many there were.

    A model whose records are in `samples`, by its name, has them all listed, any other the rejected
    ones only; so has the sample if the load came to no good end. Nothing is told of a load that
    failed before it read a record.
    """
    if outcome.error and not any(model.counts.read for model in outcome.models):
        return
    is_complete = exit_status(outcome) in (0, REJECTED)
    for model in outcome.models:
        all_records = samples.get(model.model) if is_complete else None
        yield from _rejects(model) if all_records is None else _results(model, all_records)
        yield ""
    yield from summary(outcome, ("read", "inserted", "rejected"))
    yield f"Workers: one {outcome.workers} a model."
    if dry_run:
        yield "Dry run: nothing was stored."
    elif not any(model.is_stored for model in outcome.models):
        yield "Rolled back: nothing was stored."


def exit_status(outcome: Outcome) -> int:
    if outcome.error:
        return FAILED
    if outcome.signal:
        return 128 + outcome.signal
    return REJECTED if any(model.counts.rejected for model in outcome.models) else 0


def conclusion(outcome: Outcome) -> str:
    """Tell why not everything went in, and what did."""
    if exit_status(outcome) == REJECTED:
        return rejection(sum(model.counts.rejected for model in outcome.models))
    stored = ", ".join(
        f"{model.model} {model.counts.inserted + model.counts.updated:,}"
        for model in outcome.models
        if model.is_stored and model.counts.inserted + model.counts.updated
    )
    why = outcome.error or f"Stopped by {signal.Signals(outcome.signal).name}."
    if not stored:
        return f"{why}\nNothing was stored."
    return f"{why}\nStored before that: {stored}. To go on, load again with --on-conflict ignore."


def _rejects(model):
    lines = (reject_line(model.source, reject) for reject in model.rejects)
    yield from _list(f"{model.model} rejects", lines)
    more = model.counts.rejected - len(model.rejects)
    if more:
        yield f"... and {more:,} more"


def reject_line(source: str, reject: Reject) -> str:
    """Tell one rejected record and where it stands, in the form of an item of a Python list."""
    place = {"file": source, "record": reject.number, "line": reject.line}
    return _item({**_result(reject.data, reject.errors), **place})


def _results(model, records):
    errors = {reject.number: reject.errors for reject in model.rejects}
    return _list(
        f"{model.model} insert results",
        (_item(_result(record, errors.get(n))) for n, record in enumerate(records, 1)),
    )


def _result(data, errors):
    shown = {name: _shortened(value) for name, value in data.items()}
    return {"data": shown, "success": errors is None, "errors": errors}


def _shortened(value):
    if isinstance(value, str) and len(value) > MAX_SHOWN:
        return f"{value[:MAX_SHOWN]}... ({len(value):,} characters)"
    return value


def _item(result):
    return f"  {result!r},"


def _list(title, items):
    yield f"{title}: ["
    yield from items
    yield "]"


def summary(outcome: Outcome, always: Sequence[str]) -> Iterator[str]:
    """Tell the counts of each model and of all, in a table.

    Of the counts, those named in `always` are told, and any other that is not zero.
    """
    counts = [asdict(model.counts) for model in outcome.models]
    totals = {name: sum(count[name] for count in counts) for name in asdict(Counts())}
    names = [name for name, total in totals.items() if total or name in always]
    table = [("Model", "Database", *(name.capitalize() for name in names), "Seconds")]
    for model, count in zip(outcome.models, counts):
        table.append((model.model, model.database, *_numbers(count, names, model.seconds)))
    table.append(("Total", "", *_numbers(totals, names, outcome.seconds)))
    widths = [max(map(len, column)) for column in zip(*table)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row[:2], widths)]
        cells += [cell.rjust(width) for cell, width in zip(row[2:], widths[2:])]
        yield "  ".join(cells)


def _numbers(counts, names, seconds) -> Tuple[str, ...]:
    return (*(f"{counts[name]:,}" for name in names), f"{seconds:.2f}")


def document(outcome: Outcome, exit_code: int, options: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the whole of the outcome but the single rejects, ready to be written as JSON."""
    status = {FAILED: "failed", REJECTED: "complete", 0: "complete"}
    return {
        "status": status.get(exit_code, "interrupted"),
        "exit_code": exit_code,
        "error": str(outcome.error) if outcome.error else None,
        "workers": outcome.workers,
        "seconds": round(outcome.seconds, 3),
        "options": dict(options),
        "models": {
            model.model.lower(): {
                "source": model.source,
                "database": model.database,
                **asdict(model.counts),
                "stored": model.is_stored,
                "rejects_file": model.rejects_file,
                "seconds": round(model.seconds, 3),
            }
            for model in outcome.models
        },
    }
