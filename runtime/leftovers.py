"""Cleanup for a process that ends midway: half-written files, temporary folders and running compilers.

In all other cases `with` and `finally` clean up. They do not run when the process exits at once, as the
command line does when interrupted code does not return.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_numbers = count()
_present: dict[int, Callable[[], object]] = {}


@contextmanager
def cleared(clear: Callable[[], object]) -> Iterator[None]:
    """Call CLEAR at the end of the `with`, or at the end of the process if that comes first."""
    number = next(_numbers)
    _present[number] = clear
    try:
        yield
    finally:
        clear()
        _present.pop(number, None)


def cleared_at_the_end(clear: Callable[[], object]) -> None:
    """Call CLEAR when the process ends, however it ends."""
    _present[next(_numbers)] = clear
    atexit.register(clear)


def clear_all() -> None:
    """Run all pending cleanups now; for the end of the process."""
    for clear in list(_present.values()):
        with contextlib.suppress(Exception):
            clear()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new temporary folder, deleted at the end of the `with`."""
    folder = Path(tempfile.mkdtemp(prefix="glassrt-"))
    with cleared(lambda: shutil.rmtree(folder, ignore_errors=True)):
        yield folder
