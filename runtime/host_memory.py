"""Host memory with a GPU's alignment. A request that is too large is a typed error, not a killed process."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Any

import numpy as np

from ..errors import OutOfMemoryError

ALIGNMENT = 256
# Larger requests first check the free memory, which costs little compared with writing that many bytes.
ASKED_FROM = 256 << 20
_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB", re.MULTILINE)


def aligned_bytes(nbytes: int, alignment: int = ALIGNMENT) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A zeroed array of NBYTES bytes whose address is a multiple of ALIGNMENT, as GPU allocations are.

    Raises `OutOfMemoryError` if that much memory is not free. Where the system overcommits, `np.zeros` would
    succeed and the process be killed when it writes to the array.
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
    """Bytes that the system can give without swapping; all of its memory where it does not report them."""
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
