"""Processes that prepare what they measure at the same time, and measure one after another."""

from __future__ import annotations

import fcntl
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from .rows import Row, read

PAUSE = 0.05  # seconds between two looks at who is prepared
STARTER = "starter"  # the name by which the process arrives that has started the others


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

    @property
    def arrived(self) -> int:
        """How many are prepared."""
        return sum(1 for _ in self.folder.glob("*"))

    @property
    def note(self) -> Path:
        """Where the starter leaves what all are to know when their turns come."""
        return self.folder.with_suffix(".note")

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """A context that process NAME enters once all are prepared, and that no other one is in."""
        self.arrive(name)
        while self.arrived < self.count:
            time.sleep(PAUSE)
        with self.folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def in_processes(
    module: str,
    cases: Mapping[str, Sequence[str]],
    common: Sequence[str],
    jobs: int,
    note: Callable[[], str],
    wait: Path | None = None,
    most: float = math.inf,
) -> Iterator[Row]:
    """The rows of CASES, arguments of the program MODULE by name, beside those in COMMON, each by a process
    of its own, JOBS at the same time. Measuring begins once the file WAIT is there, with what NOTE says by
    then. No process is started after MOST seconds."""
    end, left = time.monotonic() + most, iter(cases.items())
    while time.monotonic() < end and (group := dict(islice(left, jobs))):
        with tempfile.TemporaryDirectory() as folder:
            (meeting := Path(folder) / "turns").mkdir()
            turns = Turns(meeting, len(group) + 1)
            command = [sys.executable, "-m", module, f"--turns={turns}", *common]
            running = {}
            for name, own in group.items():
                file = Path(folder) / f"{name}.json"
                running[file] = subprocess.Popen([*command, *own, f"--out={file}"], stdout=subprocess.DEVNULL)
            while running:
                if turns.arrived >= len(group) and not turns.note.exists() and (not wait or wait.exists()):
                    turns.note.write_text(note(), encoding="utf-8")
                    turns.arrive(STARTER)
                for file in [file for file, child in running.items() if child.poll() is not None]:
                    turns.arrive(file.stem)  # a process that was killed has not
                    del running[file]
                    yield from read(file)
                time.sleep(PAUSE)
