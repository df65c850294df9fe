"""The bytes of an open file, read on demand and kept in memory.

The file is not memory-mapped: if a mapped file is truncated, the process is killed by a signal, and if it is
modified, contents change that were hashed already.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left, bisect_right


class FileContent:
    """The content of a file of SIZE bytes; the parts read so far are in memory.

    Each byte is read once, however many tensors share it. So the content takes no more memory than the file,
    and all tensors see the same bytes.
    """

    def __init__(self, handle: int, size: int) -> None:
        # Anonymous memory, which is not committed until it is written.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        self._memory = memoryview(mmap.mmap(-1, size, flags=flags) if size else b"")
        self._file = os.fdopen(handle, "rb", buffering=0)
        self._read = Spans()
        self.size = size

    def read(self, start: int, end: int) -> memoryview:
        """The bytes from START to END, which lie in the file. Raises OSError."""
        try:
            for gap in self._read.add(start, end):
                self._fill(*gap)
        except OSError:
            self._read = Spans()  # some of the gaps may not have been filled
            raise
        return self._memory[start:end].toreadonly()

    def _fill(self, start: int, end: int) -> None:
        while start < end:
            count = os.preadv(self._file.fileno(), [self._memory[start:end]], start)
            if not count:
                raise OSError(f"it was truncated to {start} bytes while it was read")
            start += count


class Spans:
    """A set of integers, as sorted spans that neither touch nor overlap."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> list[tuple[int, int]]:
        """Add START to END, exclusive, to the set; returns the parts of it that were not in the set
        before."""
        if start >= end:
            return []
        met = slice(bisect_left(self._ends, start), bisect_right(self._starts, end))
        begins, ends = self._starts[met], self._ends[met]
        gaps = [gap for gap in zip([start, *ends], [*begins, end], strict=True) if gap[0] < gap[1]]
        self._starts[met] = [min([start, *begins])]
        self._ends[met] = [max([end, *ends])]
        return gaps
