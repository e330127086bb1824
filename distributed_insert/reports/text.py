"""What people are shown: results as Python literals, a table of counts, and how the load ended."""

import signal
from dataclasses import asdict
from itertools import islice
from typing import Any, Dict, Iterator, Mapping, Sequence, Tuple

from ..loading import UPDATE, Counts, Outcome, Reject, rejection

FAILED = 1
REJECTED = 3
# Of the reasons why records were rejected, as many are printed as fit on a screen.
PRINTED_REASONS = 10
NOT_ATOMIC = (
    "The databases were committed one after the other: only PostgreSQL servers, and at most "
    "one SQLite file beside them, can be committed together."
)


def report(
    outcome: Outcome,
    samples: Mapping[str, Sequence[Dict[str, Any]]],
    dry_run: bool,
    verbosity: int = 1,
) -> Iterator[str]:
    """Say, line by line, what became of the records, and then how many there were.

    `samples` has, by the name of a model, records of which all are listed, unless the load failed
    or was interrupted. Of other models only the rejected records are, as many as the outcome has,
    and then the reasons. No record is listed if `verbosity` is 0. Nothing is said of a load that
    failed or was stopped before it read a record.
    """
    yield from outcome.recovered
    if (outcome.error or outcome.signal) and not any(model.counts.read for model in outcome.models):
        return
    is_complete = exit_status(outcome) in (0, REJECTED)
    for model in outcome.models:
        all_records = samples.get(model.model) if is_complete else None
        if all_records is None:
            yield from _rejects(model, verbosity)
        elif verbosity:
            yield from _results(model, all_records)
    yield from counts_table(outcome, ("read", "inserted", "rejected"))
    streams = [f"a thread for {m.source}" for m in outcome.models if m.is_stream]
    but = f", but {' and '.join(streams)}" if streams and outcome.workers != "thread" else ""
    kind = {"dask": "Dask actor"}.get(outcome.workers, outcome.workers)
    yield f"Workers: one {kind} per model{but}."
    if not outcome.is_atomic and any(model.is_stored for model in outcome.models):
        yield NOT_ATOMIC
    if dry_run:
        yield "Dry run: nothing was stored."
    elif not any(model.is_stored or model.is_unconfirmed for model in outcome.models):
        yield "Rolled back: nothing was stored."


def exit_status(outcome: Outcome) -> int:
    if outcome.error:
        return FAILED
    if outcome.signal:
        return 128 + outcome.signal
    return REJECTED if any(model.counts.rejected for model in outcome.models) else 0


def conclusion(outcome: Outcome, on_conflict: str, is_sample: bool = False) -> str:
    """Say why not everything was stored, what was, and what completes the load."""
    if exit_status(outcome) == REJECTED:
        return rejection(sum(model.counts.rejected for model in outcome.models))
    why = str(outcome.error)
    if outcome.signal and not outcome.error:
        why = f"Stopped by {signal.Signals(outcome.signal).name}."
    stored, unconfirmed = [], []
    for model in outcome.models:
        rows = model.counts.inserted + model.counts.updated if model.is_stored else 0
        if rows:
            stored.append(f"{model.model} {'at least ' * model.is_unconfirmed}{rows:,}")
        if model.is_unconfirmed:
            unconfirmed.append(
                f"{'More ' if rows else ''}{model.model} records may have been stored."
            )
    if not stored and not unconfirmed:
        return f"{why}{' ' if outcome.signal and not outcome.error else chr(10)}Nothing was stored."
    option = "" if on_conflict == UPDATE else f" with {'--sample ' * is_sample}--on-conflict ignore"
    sentences = [f"Stored before that: {', '.join(stored)}."] if stored else []
    sentences += [*unconfirmed, f"To complete the load, run the same command again{option}."]
    return f"{why}\n{' '.join(sentences)}"


def _rejects(model, verbosity):
    more = 0
    if verbosity:
        lines = (reject_line(model.source, reject) for reject in model.rejects)
        yield from _list(f"{model.model} rejects", lines)
        more = model.counts.rejected - len(model.rejects)
    if more:
        hint = "; to have them written to files, add --rejects DIR"
        where = f", in {model.rejects_file}" if model.rejects_file else hint
        yield f"... and {more:,} more{where}"
    elif model.rejects_file:
        yield f"Written to {model.rejects_file}"
    if model.reasons:
        yield "By reason:" if verbosity else f"{model.model} rejects by reason:"
        yield from _reasons(model.reasons)
    if verbosity or model.rejects_file or model.reasons:
        yield ""


def _reasons(reasons):
    for reason, number in islice(reasons.items(), PRINTED_REASONS):
        # The name of an unknown field may hold anything.
        shown = reason if reason.isprintable() else repr(reason)[1:-1]
        yield f"  {shown}: {number:,}"
    others = len(reasons) - PRINTED_REASONS
    if others > 0:
        yield f"  ... and {others} other {'reason' if others == 1 else 'reasons'}"


def reject_line(source: str, reject: Reject) -> str:
    """Return one rejected record and its place, in the form of an item of a Python list."""
    place = {"file": source, "record": reject.number, "line": reject.line}
    return _item({**_result(reject.data, reject.errors), **place})


def _results(model, records):
    errors = {reject.number: reject.errors for reject in model.rejects}
    yield from _list(
        f"{model.model} insert results",
        (_item(_result(record, errors.get(n))) for n, record in enumerate(records, 1)),
    )
    yield ""


def _result(data, errors):
    return {"data": data, "success": errors is None, "errors": errors}


def _item(result):
    return f"  {result!r},"


def _list(title, items):
    yield f"{title}: ["
    yield from items
    yield "]"


def counts_table(outcome: Outcome, always: Sequence[str]) -> Iterator[str]:
    """Say the counts of each model and of all, in a table.

    It has the counts named in `always`, and any other that is not zero.
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
