"""What people and programs are shown: results as Python literals, a summary, and a failure."""

from typing import Any, Dict, Iterable, Iterator, Mapping, Sequence

from .results import ModelResult, Outcome

Records = Sequence[Dict[str, Any]]


def report(outcome: Outcome, samples: Mapping[str, Records]) -> Iterator[str]:
    """Tell, line by line, what became of the records, and then how many there were.

    A model whose records are in `samples`, by its name, has them all listed, any other the rejected
    ones only. Nothing is told of a load that failed before it read a record.
    """
    if outcome.error and not any(model.read for model in outcome.models):
        return
    for model in outcome.models:
        yield from _results(model, samples[model.model]) if samples else _rejects(model)
        yield ""
    yield from _summary(outcome)


def failure(outcome: Outcome) -> str:
    """Tell why the load stopped short, and what it had committed by then."""
    committed = [f"{m.model} {m.inserted:,}" for m in outcome.models if m.inserted]
    if not committed:
        return f"{outcome.error}\nNothing was written."
    return f"{outcome.error}\nCommitted before that: {', '.join(committed)}."


def _results(model: ModelResult, records: Records) -> Iterator[str]:
    errors = {reject.number: reject.errors for reject in model.rejects}
    return _list(
        f"{model.model} insert results",
        (_result(record, errors.get(n)) for n, record in enumerate(records[: model.read], 1)),
    )


def _rejects(model: ModelResult) -> Iterator[str]:
    yield from _list(
        f"{model.model} rejects",
        (
            {
                **_result(reject.data, reject.errors),
                "file": model.source,
                "record": reject.number,
                "line": reject.line,
            }
            for reject in model.rejects
        ),
    )
    more = model.rejected - len(model.rejects)
    if more:
        yield f"... and {more:,} more"


def _result(data, errors):
    return {"data": data, "success": errors is None, "errors": errors}


def _list(title: str, items: Iterable[Dict[str, Any]]) -> Iterator[str]:
    yield f"{title}: ["
    for item in items:
        yield f"  {item!r},"
    yield "]"


def _summary(outcome: Outcome) -> Iterator[str]:
    counts = [(model.read, model.inserted, model.rejected) for model in outcome.models]
    totals = [sum(column) for column in zip(*counts)]
    table = [
        ("Model", "Database", "Read", "Inserted", "Rejected", "Seconds"),
        *(
            (model.model, model.database, *map("{:,}".format, numbers), f"{model.seconds:.2f}")
            for model, numbers in zip(outcome.models, counts)
        ),
        ("Total", "", *map("{:,}".format, totals), f"{outcome.seconds:.2f}"),
    ]
    widths = [max(map(len, column)) for column in zip(*table)]
    for names, numbers in ((row[:2], row[2:]) for row in table):
        cells = [cell.ljust(width) for cell, width in zip(names, widths)]
        cells += [cell.rjust(width) for cell, width in zip(numbers, widths[2:])]
        yield "  ".join(cells)
