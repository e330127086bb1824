"""`load` starts the workers, has the coordinator direct them, and returns what became of it all."""

import asyncio
import time
from contextlib import ExitStack, closing
from typing import Callable, Mapping, Optional
from uuid import uuid4

from .. import executors
from ..datasets import DATASETS, Dataset
from ..exceptions import Interrupted, LoadError
from ..sources import Source
from .base_worker import Worker
from .coordinator import Coordinator
from .model_load import ModelLoad
from .options import Options
from .results import KEPT_REJECTS, Counts, Outcome
from .worker import LoadingWorker


def load(
    sources: Mapping[Dataset, Source],
    options: Options,
    stopped_by: Callable[[], Optional[int]] = lambda: None,
    on_progress: Optional[Callable[[Dataset, Counts, Optional[float]], None]] = None,
    kept_rejects: Optional[int] = KEPT_REJECTS,
    load_id: Optional[str] = None,
    on_wait: Callable[[str], None] = lambda what: None,
) -> Outcome:
    """Load each dataset from its source, all at the same time, and return what became of them.

    Each batch is one transaction in its model's database. Before the first write every table has
    been found and every file decoded once. A worker that fails with a LoadError or an error of its
    database stops the load: the batches committed before stay, the open ones are rolled back, and
    the outcome has the error. Any other exception of a worker is raised.

    With `all_or_nothing` or `dry_run` each database has one transaction, and all of them are ended
    when all models have been loaded. With PostgreSQL servers, and at most one database on SQLite,
    all are committed or none is, whatever is killed at which moment: see `two_phase`. Other
    databases are committed one after the other, parents first: if the process is killed in between,
    there are parents without the records that refer to them, never the reverse. What an earlier
    load has prepared and not ended is ended before the first write.

    `stopped_by` returns the number of a signal once one has come: the load then stops at the next
    batch, and waits for standard input and pipes no longer. `on_progress` is called after each
    batch with its dataset, the counts so far, and the share of the source that has been read (from
    0.0 to 1.0, and 0.0 where its size is not known), and once more, with None for the share, when
    all of the dataset has been loaded.

    `on_wait` is told what is missing in the Dask cluster, if it is waited for.

    The outcome has the first `kept_rejects` of each model, or, if that is None, all of them, in
    memory.

    `load_id` names the load where names must differ: in files of rejects at URLs, and in prepared
    transactions. It is a new `uuid4().hex` unless it is given.
    """
    started = time.perf_counter()
    stopped_by = _once_stopped(stopped_by)
    parents = {model for dataset in sources for model in dataset.references.values()}
    datasets = dict.fromkeys([*sources, *(d for d in DATASETS if d.model in parents)])
    load_id = load_id or uuid4().hex
    workers = {
        d.model: LoadingWorker(d, sources[d], options, load_id, kept_rejects)
        if d in sources
        else Worker(d)
        for d in datasets
    }
    loads = {d.model: ModelLoad(d, sources.get(d), options) for d in datasets}
    coordinator = Coordinator(loads, options, stopped_by, on_progress, load_id)
    kind = options.workers or executors.choose(sources.values())
    cluster = (options.scheduler, options.wait, stopped_by, on_wait)
    errors, signal = [], None
    with ExitStack() as ending:
        try:
            executors_of = ending.enter_context(executors.start(workers, kind, *cluster))
            loop = ending.enter_context(closing(asyncio.new_event_loop()))
        except OSError as error:
            errors = [LoadError(f"The workers cannot be started: {error.strerror}.")]
        except Interrupted:
            signal = stopped_by()
        except LoadError as error:
            errors = [error]
        else:
            errors = loop.run_until_complete(coordinator.run(executors_of))
            signal = coordinator.signal
    return Outcome(
        models=tuple(loads[dataset.model].result() for dataset in sources),
        workers=kind,
        seconds=time.perf_counter() - started,
        error=LoadError("\n".join(dict.fromkeys(map(str, errors)))) if errors else None,
        signal=signal,
        is_atomic=coordinator.is_atomic,
        recovered=tuple(each.message for each in coordinator.recovered),
    )


def _once_stopped(stopped_by):
    """Return a function that keeps to the first signal, whatever `stopped_by` returns later."""
    received = None

    def first():
        nonlocal received
        received = received or stopped_by()
        return received

    return first
