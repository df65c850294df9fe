"""How the time of a piece of work grows with its size, judged so that a busy machine does not matter."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
ATTEMPTS = 3


def seconds(make: Callable[[int], T], work: Callable[[T], object], size: int) -> float:
    """Seconds of this thread's own for WORK on what MAKE gives for SIZE, without garbage collections.

    A collection takes the longer, the more the process holds from tests before, whatever the work is.
    """
    made = make(size)
    gc.collect()
    gc.disable()
    try:
        start = time.thread_time()
        work(made)
        return time.thread_time() - start
    finally:
        gc.enable()


def assert_growth(
    make: Callable[[int], T], work: Callable[[T], object], sizes: tuple[int, int], most: float
) -> None:
    """WORK on the larger of SIZES takes at most MOST times as long as on the smaller, once in three."""
    seen = []
    for _ in range(ATTEMPTS):
        small, large = (seconds(make, work, size) for size in sizes)
        if large <= most * small:
            return
        seen.append(f"{large:.3f} s against {small:.3f} s")
    raise AssertionError(f"sizes {sizes[1]} and {sizes[0]}: {', '.join(seen)}")
