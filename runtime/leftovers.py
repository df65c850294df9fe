"""What must not stay behind when the process ends in the middle of something: half-written files, folders of
temporary files, compilers at work.

`with` and `finally` clear up in all other cases. They do not where the process is ended on the spot, as the
command line is when what was interrupted does not return.
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
    """CLEAR is called at the end of the `with`, or of the process if that comes first."""
    number = next(_numbers)
    _present[number] = clear
    try:
        yield
    finally:
        clear()
        _present.pop(number, None)


def cleared_at_the_end(clear: Callable[[], object]) -> None:
    """CLEAR is called at the end of the process, whatever that is."""
    _present[next(_numbers)] = clear
    atexit.register(clear)


def clear_all() -> None:
    """Clear up whatever is there now; for the end of the process."""
    for clear in list(_present.values()):
        with contextlib.suppress(Exception):
            clear()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="glassrt-"))
    with cleared(lambda: shutil.rmtree(folder, ignore_errors=True)):
        yield folder
