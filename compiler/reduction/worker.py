"""A process that answers questions one by one, which may die or hang over one without harm to the others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from typing import Any

from ...runtime.leftovers import cleared_at_the_end

Answer = Callable[[Any, Any], object]
# Not by `multiprocessing`, whose processes run the caller's main module once more.
_CODE = "from {module} import serve; serve({handle})"


class Worker:
    """A process that calls ANSWER, a function at the top of a module, with SETTING and each question. All of
    them are pickled, as are the answers."""

    def __init__(self, answer: Answer, setting: object) -> None:
        self._pipe, other = Pipe()
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CODE.format(module=__name__, handle=other.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(other.fileno(),),
            env={**os.environ, "PYTHONPATH": path},
        )
        other.close()
        self._pipe.send((answer, setting))

    def ask(self, question: object, seconds: float) -> tuple[Any] | None:
        """The answer, in a tuple; None where the process died, or takes longer than SECONDS."""
        try:
            self._pipe.send(question)
            return (self._pipe.recv(),) if self._pipe.poll(seconds) else None
        except (EOFError, OSError):
            return None

    def ended(self) -> int | None:
        """End the process; its exit code, None where it had to be killed."""
        self._pipe.close()
        try:
            return self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None


class Workers:
    """One worker at a time, which is replaced by another where it ends."""

    def __init__(self, answer: Answer, setting: object, seconds: float) -> None:
        self._answer, self._setting, self._seconds = answer, setting, seconds
        self._worker: Worker | None = None
        cleared_at_the_end(self.close)

    def ask(self, question: object) -> tuple[Any] | str:
        """The answer, in a tuple; what became of the process where there is none."""
        self._worker = self._worker or Worker(self._answer, self._setting)
        found = self._worker.ask(question, self._seconds)
        if found is not None:
            return found
        code, self._worker = self._worker.ended(), None
        return (
            f"it takes more than {self._seconds:.3g} s" if code is None else f"the process ended with {code}"
        )

    def close(self) -> None:
        """End the worker. A second call does nothing."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.ended()


def serve(handle: int) -> None:
    """The main function of the process: answers what comes on the pipe HANDLE until that is closed."""
    pipe = Connection(handle)
    answer, setting = pipe.recv()
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        pipe.send(answer(setting, question))
