"""Progress bars of a build, one per stage, on a terminal."""

from __future__ import annotations

from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from .console import err
from .verbosity import verbosity


class BuildProgress:
    """A context manager whose `tell` is a build's progress callback. Silent when stderr is no terminal."""

    def __init__(self, shown: bool = True) -> None:
        console = err()
        self._bars = Progress(
            TextColumn("{task.description:10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal and not verbosity.quiet),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> BuildProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def tell(self, stage: str, done: int, total: int) -> None:
        """Show that DONE of TOTAL steps of a stage are done; a TOTAL of 0 means that it is not known."""
        if not total:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(stage, total=None)
            self._bars.update(self._tasks[stage], completed=done)
            return
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        # A stage reports its end as 1 of 1, whatever total it reported before.
        task = self._bars.tasks[self._tasks[stage]]
        finished = done == total == 1 and task.total is not None and task.total > 1
        self._bars.update(
            task.id, completed=task.total if finished else done, total=task.total if finished else total
        )
