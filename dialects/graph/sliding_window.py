"""Sliding windows over spatial dimensions, for convolutions and pools."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, ceildiv, floordiv
from ..core.attributes import INTS
from ..core.constraints import Need
from ..core.diagnostics import op_error, operand_at
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array
from ..core.ir import Value
from ..core.op import attribute, operand, result
from ..core.parts import AttributeAt, OperandAt
from .base import GraphOp

Ints = tuple[int, ...]

WIDE = 32  # taps along a dimension up to which a loop always covers all of them
MOST_TAPS = 1024  # the same bound where the size of x is unknown


class SlidingWindow(GraphOp):
    """Base class of ops that slide a window over the spatial dimensions of x: [N, C, spatial...].

    `pads` lists the begins of all spatial dimensions, then their ends; negative pads crop. Empty lists mean
    strides and dilations of 1 and pads of 0.
    """

    x = operand()
    strides = attribute(INTS, ())
    dilations = attribute(INTS, ())
    pads = attribute(INTS, ())
    y = result()

    @property
    def window(self) -> Ints:
        """The number of taps along each spatial dimension."""
        raise NotImplementedError

    @property
    def spatial(self) -> tuple[Dim, ...]:
        """The sizes of x's spatial dimensions."""
        return self.x.type.shape[2:]

    @property
    def begins(self) -> Ints:
        return tuple(self.pads[: len(self.spatial)])

    @property
    def ends(self) -> Ints:
        return tuple(self.pads[len(self.spatial) :])

    @property
    def spans(self) -> Ints:
        """The extent of a window along each dimension: dilation * (taps - 1) + 1."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.window, self.dilations, strict=True))

    def _decoded(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        # Defaults are filled in here, so that every reader sees complete lists.
        values = super()._decoded(raw)
        x = self.operands[0] if self.operands else None
        if x is not None:
            rank = max(x.type.rank - 2, 0)
            values["strides"] = values["strides"] or (1,) * rank
            values["dilations"] = values["dilations"] or (1,) * rank
            values["pads"] = values["pads"] or (0,) * (2 * rank)
        return values

    def check_window(self) -> None:
        """Raise located IRErrors for lists of the wrong length, and for strides or dilations below 1."""
        rank = self.x.type.rank - 2
        if not 1 <= rank <= 3:
            raise op_error(
                self,
                f"its input has {self.x.type.rank} dimensions, 3 to 5 are expected",
                at=operand_at(self, self.x),
            )
        lists = {"kernel": self.window, "strides": self.strides, "dilations": self.dilations}
        for label, values in lists.items():
            if len(values) != rank or min(values) < 1:
                raise op_error(
                    self,
                    f"{label} {list(values)} does not give {rank} positive numbers",
                    at=AttributeAt(label),
                )
        if len(self.pads) != 2 * rank:
            raise op_error(
                self, f"pads {list(self.pads)} does not give {2 * rank} numbers", at=AttributeAt("pads")
            )

    def needs(self) -> Iterable[Need]:
        for axis, size in enumerate(self.spatial):
            room = size + self.begins[axis] + self.ends[axis]
            why = f"a window of {self.spans[axis]} fits in axis {axis + 2}"
            yield Need(room, self.spans[axis], why, at=OperandAt(0))

    def floor_size(self, axis: int) -> Dim:
        """The number of windows that fit along spatial AXIS of the padded input."""
        padded = self.spatial[axis] + self.begins[axis] + self.ends[axis]
        return floordiv(padded - self.spans[axis], self.strides[axis]) + 1

    def checked_size(self, axis: int, size: Dim) -> Dim:
        """SIZE, unless it shows that no window fits: then a located IRError."""
        if isinstance(size, int) and size < 1:
            room = self.spatial[axis] + self.begins[axis] + self.ends[axis]
            raise op_error(self, f"a window of {self.spans[axis]} does not fit in {room} elements with pads")
        return size

    # ------------------------------------------------------------ scalar definitions

    def guarded_axis(self, axis: int) -> bool:
        """Whether windows may extend outside x along spatial AXIS."""
        return self.begins[axis] > 0 or self.ends[axis] > 0

    @property
    def steps(self) -> tuple[Dim, ...]:
        """The trip counts of the loops over a window: its taps along each dimension, or, if these are more
        than the elements of x (a window mostly over padding), the positions in x that the window may
        cover."""
        pairs = enumerate(zip(self.window, self.spatial, self.dilations, strict=True))
        return tuple(ceildiv(n, d) if self._walks_x(axis) else taps for axis, (taps, n, d) in pairs)

    def _walks_x(self, axis: int) -> bool:
        taps, size = self.window[axis], self.spatial[axis]
        if isinstance(size, int):
            return self.guarded_axis(axis) and taps > max(WIDE, -(-size // self.dilations[axis]))
        return taps > MOST_TAPS and 2 * (self.begins[axis] + self.ends[axis]) > self.spans[axis]

    def positions(self, outputs: Sequence[Dim], taps: Sequence[Dim]) -> list[Dim]:
        """The positions in x (spatial dimensions) of the taps TAPS of the window of output OUTPUTS."""
        return [
            self._start(axis, o) + tap * self.dilations[axis]
            for axis, (o, tap) in enumerate(zip(outputs, taps, strict=True))
        ]

    def places(self, outputs: Sequence[Dim], steps: Sequence[Dim]) -> list[Dim]:
        """The positions in x (spatial dimensions) of the loop STEPS over the window of output OUTPUTS."""
        at = self.positions(outputs, steps)
        for axis in filter(self._walks_x, range(len(at))):
            start, dilation = self._start(axis, outputs[axis]), self.dilations[axis]
            at[axis] = start - floordiv(start, dilation) * dilation + steps[axis] * dilation
        return at

    def _start(self, axis: int, output: Dim) -> Dim:
        start: Dim = output * self.strides[axis] - self.begins[axis]
        return start

    def load_step(
        self, scalars: Scalars, lead: Index, outputs: Sequence[Dim], steps: Sequence[Dim], outside: Expr
    ) -> Expr:
        """The element of x at LEAD and loop STEPS of OUTPUTS' window; OUTSIDE in the padding and off the
        window."""
        at = self.places(outputs, steps)
        conditions: list[Expr] = []
        for axis in filter(self._walks_x, range(len(at))):
            tap = floordiv(at[axis] - self._start(axis, outputs[axis]), self.dilations[axis])
            conditions.append(scalars.inside(tap, 0, self.window[axis]))
        return self.guarded_load(scalars, lead, at, outside, conditions)

    def guarded_load(
        self,
        scalars: Scalars,
        lead: Index,
        at: Sequence[Dim],
        outside: Expr,
        conditions: Sequence[Expr] = (),
    ) -> Expr:
        """The element of x at LEAD + AT, or OUTSIDE if AT is in the padding or one of CONDITIONS fails."""
        axes = [axis + 2 for axis in range(len(at)) if self.guarded_axis(axis)]
        return guarded(scalars, self.x, (*lead, *at), outside, axes, conditions)

    # ------------------------------------------------------------ numpy

    def taps(self, x: Array, outputs: Sequence[int], outside: Any) -> Iterator[Array]:
        """For each tap of the window, the elements of x under it: arrays [N, C, outputs...]."""
        return self._taps(x, outputs, outside, [range(taps) for taps in self.window])

    def met_taps(self, x: Array, outputs: Sequence[int], outside: Any) -> Iterator[Array]:
        """As `taps`, without taps that meet only padding under every window; but at least one."""
        spans = [self._met(axis, x.shape[axis + 2], size) for axis, size in enumerate(outputs)]
        return self._taps(x, outputs, outside, spans)

    def _taps(
        self, x: Array, outputs: Sequence[int], outside: Any, spans: Sequence[range]
    ) -> Iterator[Array]:
        padded = padded_array(x, self._reaching_pads(x, outputs, spans), outside)
        for offsets in itertools.product(*(range(len(span)) for span in spans)):
            picks = [slice(None), slice(None)]
            for offset, d, s, size in zip(offsets, self.dilations, self.strides, outputs, strict=True):
                picks.append(slice(offset * d, offset * d + max((size - 1) * s + 1, 0), s))
            yield padded[tuple(picks)]

    def _met(self, axis: int, extent: int, outputs: int) -> range:
        """The taps along AXIS that meet x under some window; the first tap if none does."""
        begin, dilation = self.begins[axis], self.dilations[axis]
        # A ceiling division.
        first = max(-((max(outputs - 1, 0) * self.strides[axis] - begin) // dilation), 0)
        last = min((extent - 1 + begin) // dilation, self.window[axis] - 1)
        return range(first, last + 1) if first <= last else range(1)

    def _reaching_pads(
        self, x: Array, outputs: Sequence[int], spans: Sequence[range]
    ) -> list[tuple[int, int]]:
        """Pads for windows that consist only of the taps in SPANS; the ends are moved to the end of the last
        window (which with ceil_mode may be further out)."""
        pads = [(0, 0), (0, 0)]
        for axis, (size, span) in enumerate(zip(outputs, spans, strict=True)):
            begin = self.begins[axis] - span.start * self.dilations[axis]
            reach = (size - 1) * self.strides[axis] + self.dilations[axis] * (len(span) - 1) + 1
            pads.append((begin, reach - x.shape[axis + 2] - begin))
        return pads


def guarded(
    scalars: Scalars,
    value: Value,
    index: Sequence[Dim],
    outside: Expr,
    axes: Sequence[int],
    conditions: Sequence[Expr] = (),
) -> Expr:
    """VALUE at INDEX, or OUTSIDE if INDEX leaves the tensor along one of AXES or a condition fails."""
    inside = [scalars.inside(index[axis], 0, value.type.shape[axis]) for axis in axes]
    condition = scalars.every([*inside, *conditions])
    loaded = scalars.load(value, index)
    return loaded if condition is None else scalars.select(condition, loaded, outside)


def padded_array(x: Array, pads: Sequence[tuple[int, int]], outside: Any) -> Array:
    """X extended by (begin, end) elements per dimension, all OUTSIDE; negative numbers crop."""
    crops = tuple(slice(max(-b, 0), max(n + min(e, 0), 0)) for n, (b, e) in zip(x.shape, pads, strict=True))
    grown = [(max(b, 0), max(e, 0)) for b, e in pads]
    cropped = x[crops]
    if not any(b or e for b, e in grown):
        return cropped
    return np.pad(cropped, grown, constant_values=outside)
