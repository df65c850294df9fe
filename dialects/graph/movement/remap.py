"""Index arithmetic of reshapes, with as few divisions as possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...core.affine import Dim, exact_div, floordiv, product


@dataclass
class _AxisGroup:
    """Adjacent dimensions of the new and the old shape with the same element count."""

    new: list[int] = field(default_factory=list)
    old: list[int] = field(default_factory=list)


def reshaped_index(index: Sequence[Dim], new: Sequence[Dim], old: Sequence[Dim]) -> list[Dim]:
    """The index in shape OLD of the element at INDEX of shape NEW, both row-major.

    Dimensions are matched in groups of equal element count, so that only dimensions that are
    split or merged cost arithmetic.
    """
    result: list[Dim] = [0] * len(old)
    if 0 in old or 0 in new:
        return result
    for group in _groups(new, old):
        linear: Dim = 0
        for axis in group.new:
            linear = linear * new[axis] + index[axis]
        _unravel(linear, group.old, old, result)
    return result


def _unravel(linear: Dim, axes: Sequence[int], shape: Sequence[Dim], result: list[Dim]) -> None:
    """Write the multi-index of LINEAR within AXES of SHAPE into RESULT."""
    for axis in reversed(axes[1:]):
        quotient = floordiv(linear, shape[axis])
        result[axis] = linear - quotient * shape[axis]
        linear = quotient
    if axes:
        result[axes[0]] = linear


def _groups(new: Sequence[Dim], old: Sequence[Dim]) -> Iterator[_AxisGroup]:
    """The smallest groups, in order; dimensions of size 1 are in none."""
    left = [axis for axis, size in enumerate(new) if size != 1]
    right = [axis for axis, size in enumerate(old) if size != 1]
    while left and right:
        group = _AxisGroup([left.pop(0)], [right.pop(0)])
        while True:
            ahead = _compare(product(new[a] for a in group.new), product(old[a] for a in group.old))
            if ahead == 0:
                break
            source, target = (left, group.new) if ahead < 0 else (right, group.old)
            if not source:
                source, target = (right, group.old) if ahead < 0 else (left, group.new)
            if not source:
                break
            target.append(source.pop(0))
        if not left or not right:
            # The remaining dimensions join a group whose sizes could not be compared.
            group.new += left
            group.old += right
            yield group
            return
        yield group


def _compare(new: Dim, old: Dim) -> int:
    """0 if the counts are equal, -1 if the new group has to grow, 1 if the old one has to."""
    if new == old:
        return 0
    if isinstance(new, int) and isinstance(old, int):
        return -1 if new < old else 1
    return -1 if exact_div(old, new) is not None else 1
