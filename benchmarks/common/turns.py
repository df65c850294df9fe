"""Processes that prepare what they measure at the same time, and measure one after another."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PAUSE = 0.05  # seconds between two looks at who is prepared


@dataclass(frozen=True)
class Turns:
    """The turns of `count` processes, which meet in `folder`."""

    folder: Path
    count: int

    @classmethod
    def parse(cls, text: str) -> Turns:
        """The turns that TEXT, FOLDER:COUNT, describes."""
        folder, _, count = text.rpartition(":")
        return cls(Path(folder), int(count))

    def __str__(self) -> str:
        return f"{self.folder}:{self.count}"

    def arrive(self, name: str) -> None:
        """Say that process NAME is prepared, or never will be; more than once, if need be."""
        (self.folder / name).touch()

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """A context that process NAME enters once all are prepared, and that no other one is in."""
        self.arrive(name)
        while sum(1 for _ in self.folder.glob("*")) < self.count:
            time.sleep(PAUSE)
        with self.folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
