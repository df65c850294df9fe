"""Ctrl-C: the command prints "interrupted" and exits with 130, whatever it is doing.

KeyboardInterrupt alone is not enough. Python raises it between two instructions of the main thread: in the
middle of an import, or while an earlier one is handled. Raised in a callback of another library, it is
printed and forgotten. While the main thread waits in a library or for a thread, it is not raised at all.
So a watcher thread, woken by the signal's wakeup descriptor, ends the process if it is still running a
moment after the interruption. Meanwhile standard error is silenced: a library may report the interruption
as an error of its own, such as a failed import.

This module is imported before all others and needs only the standard library's core.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

INTERRUPTED = 130
GRACE_SECONDS = 0.7
_SHOW_CURSOR = "\x1b[?25h"  # progress bars hide it


class Interruptions:
    """The interruptions of this process, from `watch` on."""

    def __init__(self) -> None:
        self.seen = False
        self._raised = False
        self._terminal = 2  # where `end` writes: a copy of standard error, once that is silenced
        self.clear: Callable[[], object] = lambda: None  # cleanup to call before the process ends
        self._ending = threading.Lock()

    def watch(self) -> None:
        """Handle SIGINT from now on, unless the parent process has set it to be ignored."""
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return
        woken, wakes = os.pipe()
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        sys.unraisablehook = self._forgotten
        signal.signal(signal.SIGINT, self._raise)
        threading.Thread(target=self._wait, args=(woken,), daemon=True, name="interruptions").start()

    def over(self) -> None:
        """Ignore SIGINT from now on: the command is done, and only the exit is left."""
        if signal.getsignal(signal.SIGINT) == self._raise:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end(self) -> None:
        """Print "interrupted" and end the process immediately."""
        self._ending.acquire()  # never released, so that it is printed once
        self.clear()
        cursor = _SHOW_CURSOR if os.isatty(self._terminal) else ""
        with suppress(OSError):  # standard error may be closed
            os.write(self._terminal, f"{cursor}interrupted\n".encode())
        os._exit(INTERRUPTED)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self.seen = True
        if not self._raised:
            self._raised = True
            self._silence()
            raise KeyboardInterrupt

    def _silence(self) -> None:
        """Redirect standard error, also of libraries and child processes, to nowhere; `end` keeps a copy."""
        with suppress(OSError):  # standard error may be closed
            self._terminal = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)

    def _wait(self, woken: int) -> None:
        while os.read(woken, 1)[0] != signal.SIGINT:
            pass
        self.seen = True
        select.select([woken], [], [], GRACE_SECONDS)  # a second Ctrl-C ends the wait
        self.end()

    def _forgotten(self, what: Any) -> None:
        """The hook for exceptions that cannot be raised; silent once an interruption was seen."""
        if not self.seen:
            sys.__unraisablehook__(what)
