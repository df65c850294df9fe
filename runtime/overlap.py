"""Aliasing between the tensors given to a run: nothing else may share memory with an output.

Address spans are compared in sorted order, so a thousand tensors cost no more than sorting them. Elements are
compared only where two spans overlap: `a[::2]` and `a[1::2]` have no elements in common.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .device import Array, Value

MOST_WORK = 10_000  # for `np.shares_memory`, which is NP-complete; beyond it, tensors count as overlapping
Given = tuple[str, Value]
_Span = tuple[int, int, bool, str, Value]


def writes_twice(value: Value) -> bool:
    """Whether two elements of a tensor may have the same address, as in a broadcast array."""
    if not isinstance(value, np.ndarray) or value.flags.forc or not value.size:
        return False
    reach = value.itemsize
    for stride, size in sorted(zip(map(abs, value.strides), value.shape, strict=True)):
        if size > 1 and stride < reach:
            return True
        reach += stride * (size - 1)
    return False


def shared(inputs: Iterable[Given], outputs: Iterable[Given]) -> tuple[str, str] | None:
    """The names of an output and of another tensor that share memory; None if no output does."""
    spans = [_span(*given, False) for given in inputs] + [_span(*given, True) for given in outputs]
    open_spans: list[_Span] = []
    for span in sorted((span for span in spans if span[0] < span[1]), key=lambda span: span[0]):
        open_spans = [other for other in open_spans if other[1] > span[0]]
        for other in open_spans:
            if (span[2] or other[2]) and _meet(span[4], other[4]):
                return (span[3], other[3]) if span[2] else (other[3], span[3])
        open_spans.append(span)
    return None


def _span(name: str, value: Value, written: bool) -> _Span:
    """The addresses from the first byte to one past the last; empty for a tensor without elements."""
    if not isinstance(value, np.ndarray):
        return value.pointer, value.pointer + value.bytes, written, name, value
    start = value.__array_interface__["data"][0]
    if value.flags.forc or not value.size:
        return start, start + value.nbytes, written, name, value
    reaches = [stride * (size - 1) for stride, size in zip(value.strides, value.shape, strict=True)]
    end = start + value.itemsize + sum(reach for reach in reaches if reach > 0)
    return start + sum(reach for reach in reaches if reach < 0), end, written, name, value


def _meet(one: Value, other: Value) -> bool:
    """Whether two tensors with overlapping spans have an element in common."""
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return True
    return _arrays_meet(one, other)


def _arrays_meet(one: Array, other: Array) -> bool:
    try:
        return bool(np.shares_memory(one, other, max_work=MOST_WORK))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True
