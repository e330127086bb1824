"""Live progress on a terminal: one bar per model."""

from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn
from rich.table import Column
from rich.text import Text


class StateColumn(ProgressColumn):
    """Records per second and the time left, or what a model waits for."""

    def render(self, task):
        waits_for = task.fields["waits_for"]
        if waits_for:
            return Text(f"waits for {' and '.join(each.plural for each in waits_for)}")
        text = f"{task.fields['read'] / task.elapsed if task.elapsed else 0:,.0f}/s"
        if task.time_remaining and not task.stop_time:
            text += f", {timedelta(seconds=round(task.time_remaining))} left"
        return Text(text, style="progress.data.speed")


@contextmanager
def bars(datasets, terminal):
    """Yield a function that shows the progress of a dataset: `load` calls it as `on_progress`.

    The bars disappear at the end; the summary says what they said. A bar shows the share of the
    source that has been read, or, where that is not known, only that work goes on.
    """
    progress = Progress(
        TextColumn("{task.description}"),
        # The bar has the width that the others leave.
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[read]:,} read", justify="right"),
        TextColumn("{task.fields[rejected]:,} rejected", justify="right"),
        StateColumn(table_column=Column(no_wrap=True)),
        console=Console(file=terminal),
        transient=True,
        expand=True,
    )
    tasks = {}
    for dataset in datasets:
        parents = [each for each in datasets if each.model in dataset.references.values()]
        tasks[dataset] = progress.add_task(
            dataset.plural, total=None, read=0, rejected=0, waits_for=parents
        )

    def show(dataset, counts, share_read):
        task_id = tasks[dataset]
        is_finished = share_read is None
        share = 1.0 if is_finished else share_read
        progress.update(
            task_id,
            total=1.0 if share else None,
            completed=share,
            read=counts.read,
            rejected=counts.rejected,
        )
        if is_finished:
            progress.stop_task(task_id)
            for task in progress.tasks:
                if dataset in task.fields["waits_for"]:
                    task.fields["waits_for"].remove(dataset)
                    # Its time begins when it need not wait any longer.
                    progress.reset(task.id)
        # Not before the workers' processes have started: none is forked beside a drawing thread.
        progress.start()

    try:
        yield show
    finally:
        progress.stop()
