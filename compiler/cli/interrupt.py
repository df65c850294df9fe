"""Ctrl-C: the command says "interrupted" and ends with 130, wherever it is.

Python raises KeyboardInterrupt between two instructions of the main thread, which is not enough. It
may come in the middle of an import, and while an earlier one is dealt with; where it comes in a
callback of another library it is printed and forgotten; and while the main thread waits in a library or
for a thread it does not come at all. Hence a thread that the system's own handler wakes: what
has not ended a moment after an interruption is ended by it. In between nothing else is said: a library
that turns the interruption into an error of its own (an import that failed) is not believed.

This module is imported before all others, and needs nothing but the standard library's core.
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
        self._terminal = 2  # where `end` writes: standard error, which is closed to all others from then on
        self.clear: Callable[[], object] = lambda: None  # what is called before the end
        self._ending = threading.Lock()

    def watch(self) -> None:
        """Take over SIGINT, unless whoever started the process has it ignored."""
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return
        woken, wakes = os.pipe()
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        sys.unraisablehook = self._forgotten
        signal.signal(signal.SIGINT, self._raise)
        threading.Thread(target=self._wait, args=(woken,), daemon=True, name="interruptions").start()

    def over(self) -> None:
        """All is done but the exit: nothing is left to interrupt."""
        if signal.getsignal(signal.SIGINT) == self._raise:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end(self) -> None:
        """Say it, and end the process on the spot."""
        self._ending.acquire()  # never given back: said once
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
        """Close standard error to all but `end`, libraries and child processes included."""
        with suppress(OSError):  # standard error may be closed
            self._terminal = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)

    def _wait(self, woken: int) -> None:
        while os.read(woken, 1)[0] != signal.SIGINT:
            pass
        self.seen = True
        select.select([woken], [], [], GRACE_SECONDS)  # a second Ctrl-C means it
        self.end()

    def _forgotten(self, what: Any) -> None:
        """In place of Python's report: what something swallowed ends the process all the same."""
        if not self.seen:
            sys.__unraisablehook__(what)
