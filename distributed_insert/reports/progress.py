"""Live progress on a terminal: one bar a model."""

from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn
from rich.text import Text


class SpeedColumn(ProgressColumn):
    """Records a second since the bar was first shown."""

    def render(self, task):
        speed = task.fields["read"] / task.elapsed if task.elapsed else 0
        return Text(f"{speed:,.0f} records/s", style="progress.data.speed")


@contextmanager
def bars(sources):
    """Show the progress of each source, and give the function that is to be told of it.

    The bars go away at the end; the summary says what they said. A bar is as long as the file has
    bytes, or, where that is not known, shows that something goes on.
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

    def tell(dataset, counts, bytes_read):
        # Not before the workers' processes are made: with a thread that draws, none is forked.
        progress.start()
        progress.update(
            tasks[dataset],
            total=sources[dataset].size,
            completed=bytes_read,
            read=counts.read,
            rejected=counts.rejected,
        )

    try:
        yield tell
    finally:
        progress.stop()
