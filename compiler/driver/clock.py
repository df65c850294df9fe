"""The stages of a build: their times, and progress messages."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]  # stage, done, total


@contextmanager
def no_collections() -> Iterator[None]:
    """A context without garbage collection.

    A module is one large graph of live references. Collections would walk all of it again and again, which
    takes a quarter of the time of a build.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class BuildClock:
    """Measures the seconds of every stage, and passes progress on to a callback."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}

    def stage(self, name: str) -> Stage:
        return Stage(self, name)

    def tell(self, stage: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(stage, done, total)

    def kernels(self, _kernel: str, done: int, total: int) -> None:
        self.tell("kernels", done, total)


class Stage:
    """A context that times one stage; the times of a stage that is entered several times add up."""

    def __init__(self, clock: BuildClock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._begin = 0.0

    def __enter__(self) -> None:
        self._clock.tell(self._name, 0, 1)
        self._begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self._begin
        self._clock.seconds[self._name] = self._clock.seconds.get(self._name, 0.0) + spent
        self._clock.tell(self._name, 1, 1)
