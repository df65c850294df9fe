"""The addressing of an operand in memory, as templates gather it: axes, windows and strides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ....dialects.core.affine import Dim
from ...text.affine_c import factor_to_c
from ...text.render import Code, Identifier
from .axes import BatchAxis, RowAxis, Window

MASK_BITS = 32  # bits of a register that holds the in-bounds mask of a line's taps


class KEnd(Enum):
    """Which k tiles are checked for the end of k, where the last tile may reach past it.

    NONE: it does not. ALL: every tile, since none is known to be whole. LOOP: those that are loaded in the
    main loop, since those before it are whole. LAST: the last one, which is loaded before the main loop.
    """

    NONE = "none"
    ALL = "all"
    LOOP = "loop"
    LAST = "last"


@dataclass(frozen=True)
class WindowSpec:
    """One dimension of a convolution's window, for templates; see `problem.Window`.

    name: the C variable of the input coordinate; tap: that of the index in the window; step: elements per
    input position.
    """

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
    """One dimension of a row or batch index, for templates.

    name: the C variable of its coordinate; extent: its size; step: the operand's stride in elements;
    other_step: B's stride, where the dimension is one of the batch; window: the window over it, if any.
    """

    name: Identifier
    extent: Code
    step: Code
    other_step: Code
    window: WindowSpec | None


@dataclass(frozen=True)
class GatherSpec:
    """The addressing of an operand: the axes of a row index of A (column index of B), and the steps along k.

    Along k a row has `taps` window taps of `channels` elements each, with stride `k_step`. `uniform_taps`:
    a k tile never spans two taps. `checked`: tiles may reach past the last row, so loads need an in-bounds
    predicate; `k_end`: which of them need one for the end of k. `offset`: the operand's first element in its
    buffer.
    """

    axes: tuple[AxisSpec, ...]
    checked: bool
    taps: int
    channels: Code
    uniform_taps: bool
    k_step: Code
    k_end: KEnd
    offset: Code

    @property
    def windows(self) -> tuple[WindowSpec, ...]:
        """The windows over the axes, outermost first."""
        return tuple(axis.window for axis in self.axes if axis.window is not None)

    @property
    def masked(self) -> bool:
        """True when a line's taps need an in-bounds mask and it fits one register."""
        return self.taps <= MASK_BITS and any(window.checked for window in self.windows)


def divides(by: int, dim: Dim) -> bool:
    """True when BY is known to divide DIM."""
    return isinstance(dim, int) and dim % by == 0


def batch_specs(axes: Sequence[BatchAxis], names: Mapping[str, str]) -> tuple[AxisSpec, ...]:
    """The dimensions of the batch index; `step` is A's stride and `other_step` is B's."""
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
    """The dimensions of a row (column) index, outermost first."""
    return tuple(
        AxisSpec(
            Identifier(_coordinate(axis.label) or f"row_{i}"),
            Code(factor_to_c(axis.extent, names)),
            Code(factor_to_c(axis.step, names)),
            Code("0"),
            None if axis.window is None else _window_spec(axis, axis.window, names),
        )
        for i, axis in enumerate(axes)
    )


def _coordinate(label: str) -> str:
    """The C variable of the coordinate along the axis LABEL: outputs have other positions than inputs, but
    the same images."""
    return f"out_{label}" if label and not label.startswith("image") else label


def _window_spec(axis: RowAxis, window: Window, names: Mapping[str, str]) -> WindowSpec:
    return WindowSpec(
        name=Identifier(f"in_{axis.label}"),
        tap=Identifier(f"tap_{axis.label}"),
        taps=window.taps,
        stride=window.stride,
        dilation=window.dilation,
        pad=window.pad,
        limit=Code(factor_to_c(window.limit, names)),
        checked=window.checked,
        step=Code(factor_to_c(axis.step, names)),
    )
