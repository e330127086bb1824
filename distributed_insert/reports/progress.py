"""Live progress on a terminal: one bar per model."""

from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn
from rich.text import Text


class SpeedColumn(ProgressColumn):
    """Records per second since the bar was first shown."""

    def render(self, task):
        speed = task.fields["read"] / task.elapsed if task.elapsed else 0
        return Text(f"{speed:,.0f} records/s", style="progress.data.speed")


@contextmanager
def bars(sources):
    """Yield a function that shows the progress of a source: `load` calls it after each batch.

    The bars disappear at the end; the summary says what they said. A bar shows the share of the
    file's bytes that have been read, or, where their number is not known, only that work goes on.
    """
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[read]:,} read"),
        TextColumn("{task.fields[rejected]:,} rejected"),
        SpeedColumn(),
        console=Console(),
        transient=True,
    )
    tasks = {
        dataset: progress.add_task(dataset.plural, total=None, read=0, rejected=0)
        for dataset in sources
    }

    def show(dataset, counts, bytes_read):
        # Not before the workers' processes have started: none is forked beside a drawing thread.
        progress.start()
        progress.update(
            tasks[dataset],
            total=sources[dataset].size,
            completed=bytes_read,
            read=counts.read,
            rejected=counts.rejected,
        )

    try:
        yield show
    finally:
        progress.stop()
