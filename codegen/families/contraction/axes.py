"""The axes of a contraction's index spaces: what its rows and its batch run over in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....dialects.core.affine import Dim


@dataclass(frozen=True)
class Window:
    """A convolution's window along one dimension: how output positions map to input positions.

    Tap t of output position o reads input position o*stride - pad + t*dilation, or zero outside [0, limit).
    `checked`: positions may be out of bounds, so loads need an in-bounds predicate.
    """

    taps: int
    stride: int
    dilation: int
    pad: int
    limit: Dim
    checked: bool


NO_WINDOW = Window(1, 1, 1, 0, 0, False)  # of a single tap, which reads the position itself


@dataclass(frozen=True)
class RowAxis:
    """One dimension of the row index m, with A's stride `step` in elements per (input) position.

    label: the dimension of a convolution that it runs over: image, z, y or x, several of them joined by `_`;
    empty for a matrix product.
    """

    extent: Dim
    step: Dim
    window: Window | None = None
    label: str = ""


@dataclass(frozen=True)
class BatchAxis:
    """One dimension of the batch index, with the strides of both operands in elements."""

    extent: Dim
    a_step: Dim
    b_step: Dim


def merged_rows(rows: Sequence[RowAxis]) -> tuple[RowAxis, ...]:
    """ROWS with adjacent axes merged where one stride covers both; axes of extent 1 are dropped."""
    result: list[RowAxis] = []
    for axis in rows:
        if axis.extent == 1 and axis.window is None:
            continue
        outer = result[-1] if result else None
        if outer and outer.window is None and axis.window is None and outer.step == axis.extent * axis.step:
            label = "_".join(filter(None, (outer.label, axis.label)))
            result[-1] = RowAxis(outer.extent * axis.extent, axis.step, None, label)
        else:
            result.append(axis)
    return tuple(result) or (RowAxis(1, 0),)


def merged_batch(batch: Sequence[BatchAxis]) -> tuple[BatchAxis, ...]:
    """BATCH with adjacent axes merged where one stride covers both in both operands; extent 1 is dropped."""
    result: list[BatchAxis] = []
    for axis in batch:
        if axis.extent == 1:
            continue
        outer = result[-1] if result else None
        runs = outer is not None and all(
            wide == axis.extent * narrow
            for wide, narrow in ((outer.a_step, axis.a_step), (outer.b_step, axis.b_step))
        )
        if outer is not None and runs:
            result[-1] = BatchAxis(outer.extent * axis.extent, axis.a_step, axis.b_step)
        else:
            result.append(axis)
    return tuple(result)
