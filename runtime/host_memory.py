"""Memory of this machine, as aligned as a GPU's, or a typed error: the kernel would end the process."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Any

import numpy as np

from ..errors import OutOfMemoryError

ALIGNMENT = 256
# From here on it is asked how much there is: less than writing to that much takes.
ASKED_FROM = 256 << 20
_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB", re.MULTILINE)


def aligned_bytes(nbytes: int, alignment: int = ALIGNMENT) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A zeroed array of bytes whose address is a multiple of `alignment`, as GPU allocations are.

    Raises `OutOfMemoryError` where there is not as much. Where the system promises more memory than it
    has, `np.zeros` succeeds, and the process ends when the array is written to.
    """
    if nbytes >= ASKED_FROM and nbytes > (free := available_bytes()):
        raise _too_much(nbytes, free)
    try:
        storage = np.zeros(nbytes + alignment, np.uint8)
    except (MemoryError, ValueError):
        raise _too_much(nbytes, available_bytes()) from None
    start = -storage.__array_interface__["data"][0] % alignment
    return storage[start : start + nbytes]


def available_bytes() -> int:
    """How much memory the system could give without swapping; what it has where it does not say."""
    with suppress(OSError), open("/proc/meminfo", encoding="ascii") as file:
        found = _AVAILABLE.search(file.read())
        if found is not None:
            return int(found[1]) << 10
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _too_much(wanted: int, free: int) -> OutOfMemoryError:
    return OutOfMemoryError(
        f"the host device needs {wanted} bytes in one piece, and {free} are free",
        hint="build for smaller sizes, or run on another machine",
    )
