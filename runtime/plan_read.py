"""Reads a plan file into memory.

The file is read, not mapped: if a mapped file is truncated the process dies with a signal, and if it is
written to, its content is no longer what was checked. Mapping would save nothing, since the checksum reads
every byte anyway.
"""

from __future__ import annotations

import os
import stat
from functools import partial

import numpy as np

from ..errors import PlanError
from .expressions import clip
from .plan_digest import in_threads
from .plan_format import HEADER_BYTES, MAGIC, WEIGHT_ALIGNMENT, check_size

# What is taken for a plan by mistake, by its suffix.
MODELS = {".onnx": "an ONNX model", ".ir": "IR text"}
PART_BYTES = 32 << 20


def read_plan(path: str | os.PathLike[str]) -> memoryview:
    """The whole file, at an address where its weights are aligned. Raises `PlanError`."""
    try:
        with open(path, "rb", buffering=0, opener=_open_regular) as file:
            return _content(file.fileno(), os.fspath(path))
    except (OSError, ValueError, TypeError) as error:
        raise PlanError(f"cannot read the plan {clip(str(path))}: {error}") from None
    except MemoryError:
        raise PlanError(f"the plan {clip(str(path))} is larger than the memory that is free") from None


def _content(file: int, path: str) -> memoryview:
    size = os.fstat(file).st_size
    # Check the header first: do not read gigabytes only to find that it is not a plan.
    head = os.pread(file, HEADER_BYTES, 0)
    kind = None if head.startswith(MAGIC) else MODELS.get(os.path.splitext(path)[1].lower())
    if kind is not None:
        raise PlanError(
            f"{clip(path)} is {kind}, not a plan",
            hint="compile it first: glassrt.load(glassrt.compile(path))",
        )
    check_size(memoryview(head), size)
    data = _aligned(size)
    in_threads(partial(_fill, file, data), range(0, size, PART_BYTES))
    return data.toreadonly()


def _fill(file: int, data: memoryview, start: int) -> None:
    """Read into DATA the part of the file that begins at byte START."""
    part = data[start : start + PART_BYTES]
    while part:
        count = os.preadv(file, [part], start)
        if not count:
            raise OSError("it was cut short while it was read")
        part, start = part[count:], start + count


def _aligned(size: int) -> memoryview:
    storage = np.empty(size + WEIGHT_ALIGNMENT, np.uint8)
    begin = -storage.ctypes.data % WEIGHT_ALIGNMENT
    return storage[begin : begin + size].data


def _open_regular(path: str, flags: int) -> int:
    """Open without blocking on a pipe; refuse anything but a regular file."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is not a regular file")
    return descriptor
