"""Strided types: of slices of a buffer and reshapes of these, and the memory traffic of accessing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...codegen.interface import ArchSpec
from ...dialects.core.affine import Affine, Dim, exact_div, total
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.types import ROW_MAJOR, Layout, TensorType, channels_last

ACCESS_BYTES = 16  # the widest access of a thread in the kernels of every target


def part(
    type: TensorType, starts: Sequence[Dim], shape: Sequence[Dim], steps: Sequence[int] | None = None
) -> TensorType:
    """The type of a slice of a tensor of TYPE: SHAPE elements from STARTS on, STEPS (default 1) apart."""
    apart = steps or (1,) * type.rank
    strides = tuple(stride * step for stride, step in zip(type.strides, apart, strict=True))
    moved = [start * stride for start, stride in zip(starts, type.strides, strict=True)]
    layout = Layout((), strides, total([type.layout.offset, *moved]))
    return TensorType(tuple(shape), type.dtype, layout)


def reshaped(type: TensorType, shape: Sequence[Dim]) -> TensorType | None:
    """The type of a view of TYPE with another SHAPE; None when elements would have to move."""
    if type.layout == ROW_MAJOR:
        return type.with_shape(tuple(shape))
    runs = _runs(type)
    strides: list[Dim] = []
    for size in reversed(shape):
        while runs and runs[-1][0] == 1 and size != 1:
            runs.pop()
        count, stride = runs[-1] if runs else (1, 1)
        rest = exact_div(count, size)
        if rest is None:
            return None
        strides.append(stride)
        if runs:
            runs[-1] = (rest, stride * size)
    if any(count != 1 for count, _ in runs):
        return None
    layout = Layout((), tuple(reversed(strides)), type.layout.offset)
    return TensorType(tuple(shape), type.dtype, layout)


def _runs(type: TensorType) -> list[tuple[Dim, Dim]]:
    """(count, stride) of TYPE's dimensions in order, with adjacent ones merged where memory allows it."""
    runs: list[tuple[Dim, Dim]] = []
    for size, stride in zip(type.shape, type.strides, strict=True):
        if size == 1:
            continue
        if runs and runs[-1][1] == size * stride:
            runs[-1] = (runs[-1][0] * size, stride)
        else:
            runs.append((size, stride))
    return runs


def settled(type: TensorType, like: Layout = ROW_MAJOR) -> tuple[Dim, TensorType]:
    """(offset in elements, type relative to it): the offset is aligned, and the type dense if possible.

    LIKE is the layout to prefer when the part is dense in several.
    """
    start, rest = _aligned_part(type.layout.offset, ACCESS_BYTES // type.dtype.bytes)
    if rest == 0:
        for layout in (like, ROW_MAJOR, channels_last(type.rank)):
            if layout.is_dense and same_memory(type, type.with_layout(layout)):
                return start, type.with_layout(layout)
    return start, type.with_layout(Layout((), type.strides, rest))


def same_memory(a: TensorType, b: TensorType) -> bool:
    """True when A and B, of equal shape, have equal strides; those of dimensions of size 1 do not matter."""
    return all(size == 1 or x == y for size, x, y in zip(a.shape, a.strides, b.strides, strict=True))


def _aligned_part(offset: Dim, unit: int) -> tuple[Dim, Dim]:
    """OFFSET as the sum of a multiple of UNIT and a remainder."""
    if isinstance(offset, int):
        return offset // unit * unit, offset % unit
    whole = [Affine(((monomial, value),)) if monomial else value
             for monomial, value in offset.terms if value % unit == 0]  # fmt: skip
    start = total(whole)
    return start, offset - start


def traffic(type: TensorType, sizes: Mapping[str, int], target: ArchSpec) -> float:
    """The effective memory traffic of one pass over TYPE at SIZES on TARGET, in bytes; more for narrow
    accesses."""
    run, sector = _run_length(type, sizes) * type.dtype.bytes, target.limits.sector_bytes
    sectors = -(-run // sector) * sector / run
    slowdown = target.fitted.memory.slowdown(access_bytes(type, sizes))
    return float(evaluate(type.bytes, sizes)) * max(slowdown, sectors)


def access_bytes(type: TensorType, sizes: Mapping[str, int]) -> int:
    """The widest aligned access, in bytes, with which a thread can read TYPE at SIZES."""
    bytes_ = type.dtype.bytes
    steps = [evaluate(type.layout.offset, sizes), _run_length(type, sizes)]
    steps += [evaluate(s, sizes) for n, s in zip(type.shape, type.strides, strict=True) if n != 1 and s != 1]
    width = bytes_
    while width < ACCESS_BYTES and all(step * bytes_ % (width * 2) == 0 for step in steps):
        width *= 2
    return min(width, ACCESS_BYTES)


def _run_length(type: TensorType, sizes: Mapping[str, int]) -> int:
    """The number of elements that are contiguous in memory; at least 1."""
    length = 1
    for axis in reversed(type.order):
        if type.shape[axis] == 1:
            continue
        if evaluate(type.strides[axis], sizes) != length:
            break
        length *= max(evaluate(type.shape[axis], sizes), 1)
    return length
