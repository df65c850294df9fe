"""Outputs whose sizes depend on data: computed in memory for the most elements, and cut after a run.

An output that is cut holds its elements at the beginning of every axis; what lies beyond them means nothing.
The size of an axis is in another output, an i64 scalar, which is read once and is no result itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Cut:
    """AXIS of the output OUTPUT, both counted from 0, has as many elements as the output COUNT says."""

    output: str
    axis: int
    count: str

    def __str__(self) -> str:
        return f"axis {self.axis} of the output '{self.output}'"


def shown(names: Iterable[str], cuts: Sequence[Cut]) -> list[str]:
    """Those of the outputs NAMES that are results: all but the counts."""
    counts = {each.count for each in cuts}
    return [name for name in names if name not in counts]


def true_sizes(results: Mapping[str, Any], cuts: Sequence[Cut]) -> dict[str, dict[int, int]]:
    """The sizes of the outputs that are cut, by output and axis; counts in device memory are copied."""
    counts = {name: int(_in_host_memory(results[name])) for name in {each.count for each in cuts}}
    found: dict[str, dict[int, int]] = {}
    for each in cuts:
        found.setdefault(each.output, {})[each.axis] = counts[each.count]
    return found


def true_results(results: Mapping[str, Any], cuts: Sequence[Cut]) -> dict[str, Any]:
    """RESULTS in their true shapes, without the counts. A tensor in device memory stays there."""
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
