"""Outputs with data-dependent sizes: computed in memory for the maximum, and cut after a run.

A cut output has its elements at the beginning of every axis; memory beyond them is meaningless. Another
output, an i64 scalar, has the size of an axis; it is read once and is not a result itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Cut:
    """AXIS of the output OUTPUT, counted from 0, has as many elements as the output COUNT says."""

    output: str
    axis: int
    count: str

    def __str__(self) -> str:
        return f"axis {self.axis} of the output '{self.output}'"


def shown(names: Iterable[str], cuts: Sequence[Cut]) -> list[str]:
    """The outputs among NAMES that are results: all except the counts."""
    counts = {each.count for each in cuts}
    return [name for name in names if name not in counts]


def true_sizes(results: Mapping[str, Any], cuts: Sequence[Cut]) -> dict[str, dict[int, int]]:
    """The sizes of cut outputs, by output and axis; counts in device memory are copied."""
    counts = {name: int(_in_host_memory(results[name])) for name in {each.count for each in cuts}}
    found: dict[str, dict[int, int]] = {}
    for each in cuts:
        found.setdefault(each.output, {})[each.axis] = counts[each.count]
    return found


def true_results(results: Mapping[str, Any], cuts: Sequence[Cut]) -> dict[str, Any]:
    """RESULTS cut to their true shapes, without the counts. Tensors in device memory stay there."""
    sizes = true_sizes(results, cuts)
    return {name: _cut(results[name], sizes.get(name)) for name in shown(results, cuts)}


def _cut(result: Any, sizes: Mapping[int, int] | None) -> Any:
    if sizes is None:
        return result
    shape = tuple(sizes.get(axis, size) for axis, size in enumerate(result.shape))
    if not isinstance(result, np.ndarray):
        return result.cut(shape)
    return np.ascontiguousarray(result[tuple(map(slice, shape))])


def _in_host_memory(count: Any) -> Any:
    return count if isinstance(count, np.ndarray) else count.numpy()
