"""Where the elements of an operand lie in memory, as templates gather them: axes, windows and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....dialects.core.affine import Dim
from ...text.affine_c import factor_to_c
from ...text.render import Code, Identifier
from .problem import BatchAxis, RowAxis

MASK_BITS = 32
_COORDINATES = ("z", "y", "x")


@dataclass(frozen=True)
class WindowSpec:
    """One dimension of a convolution's window: `name` is its coordinate, `tap` the index in the window."""

    name: Identifier
    tap: Identifier
    taps: int
    stride: int
    dilation: int
    pad: int
    limit: Code
    checked: bool
    step: Code


@dataclass(frozen=True)
class AxisSpec:
    """One dimension of a row or batch index: `name` is its coordinate, `step` elements per position."""

    name: Identifier
    extent: Code
    step: Code
    other_step: Code
    window: WindowSpec | None


@dataclass(frozen=True)
class GatherSpec:
    """An operand in memory: the axes of a row of A (column of B), and the steps of the summed axis.

    A row is `taps` taps of the window with `channels` elements each, `k_step` apart; `uniform_taps` says that
    a tile never spans two taps. `checked` and `k_checked` say whether tiles may reach past the rows and
    past k.
    """

    axes: tuple[AxisSpec, ...]
    checked: bool
    taps: int
    channels: Code
    uniform_taps: bool
    k_step: Code
    k_checked: bool
    offset: Code

    @property
    def windows(self) -> tuple[WindowSpec, ...]:
        return tuple(axis.window for axis in self.axes if axis.window is not None)

    @property
    def masked(self) -> bool:
        """True when a word can hold which taps of a line lie inside."""
        return self.taps <= MASK_BITS and any(window.checked for window in self.windows)


def divides(by: int, dim: Dim) -> bool:
    """True when BY is known to divide DIM."""
    return isinstance(dim, int) and dim % by == 0


def batch_specs(axes: Sequence[BatchAxis], names: Mapping[str, str]) -> tuple[AxisSpec, ...]:
    """The dimensions of the batch index; `step` is A's and `other_step` B's."""
    return tuple(
        AxisSpec(
            Identifier(f"batch_{i}"),
            Code(factor_to_c(axis.extent, names)),
            Code(factor_to_c(axis.a_step, names)),
            Code(factor_to_c(axis.b_step, names)),
            None,
        )
        for i, axis in enumerate(axes)
    )


def row_specs(axes: Sequence[RowAxis], names: Mapping[str, str]) -> tuple[AxisSpec, ...]:
    """The dimensions of a convolution's row index: x is innermost, images lie beyond z, y and x."""
    labels = ("image", *_COORDINATES)[-len(axes) :]
    return tuple(_row_spec(axis, label, names) for axis, label in zip(axes, labels, strict=True))


def plain_specs(axes: Sequence[RowAxis], names: Mapping[str, str]) -> tuple[AxisSpec, ...]:
    """The dimensions of a row (column) index that no window lies over."""
    return tuple(
        AxisSpec(
            Identifier(f"row_{i}"),
            Code(factor_to_c(axis.extent, names)),
            Code(factor_to_c(axis.step, names)),
            Code("0"),
            None,
        )
        for i, axis in enumerate(axes)
    )


def _row_spec(axis: RowAxis, name: str, names: Mapping[str, str]) -> AxisSpec:
    window = axis.window
    step = Code(factor_to_c(axis.step, names))
    made = None
    if window is not None:
        made = WindowSpec(
            name=Identifier(f"in_{name}"),
            tap=Identifier(f"tap_{name}"),
            taps=window.taps,
            stride=window.stride,
            dilation=window.dilation,
            pad=window.pad,
            limit=Code(factor_to_c(window.limit, names)),
            checked=window.checked,
            step=step,
        )
    return AxisSpec(Identifier(f"out_{name}"), Code(factor_to_c(axis.extent, names)), step, Code("0"), made)
