"""Child processes of a task: each runs to its end, or all are killed together."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .leftovers import cleared


class Children:
    """The child processes of one task, whichever threads started them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(
        self, command: Sequence[str], seconds: float, input: str = "", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run`, with INPUT and the captured output as text.

        Raises OSError if the process does not start, TimeoutExpired after SECONDS, InterruptedError after
        `stop`.
        """
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with self._started(command, errors="replace", **pipes, **options) as process:
            out, err = process.communicate(input, timeout=seconds)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def stop(self) -> None:
        """Kill all running processes, and refuse to start more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()

    @contextmanager
    def _started(self, command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
        with self._lock:
            if self._stopped:
                raise InterruptedError("it was stopped")
            process = subprocess.Popen(command, text=True, **options)
            self._running.add(process)
        try:
            with process, cleared(process.kill):
                yield process
        finally:
            with self._lock:
                self._running.discard(process)
