"""Importers of Pad, whose pads may be negative and may be inputs."""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.affine import Dim
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.slicing import Slice
from .axes import AxesAtRun, known_axes
from .call import Call, Outcome
from .contents import ElementRange, count_of
from .problems import Malformed
from .table import Table
from .tensor import Tensor

_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


def _pad_attributes(call: Call) -> Outcome:
    x = call.input(0)
    value = call.constant(call.number("value", 0.0), x.dtype)
    return _padded(call, x, call.ints("pads") or (), value)


def _pad_inputs(call: Call) -> Outcome:
    x = call.input(0)
    pads = call.known_dims(1, "its pads", [ElementRange(-64, 0, 64)] * count_of(call.input(1)))
    axes = known_axes(call, 3, x.rank)
    if axes is not None:
        pads = _spread(call, pads, axes, x.rank)
    return _padded(call, x, pads, call.optional(2))


def _spread(call: Call, pads: Sequence[Dim], axes: Sequence[int] | AxesAtRun, rank: int) -> tuple[Dim, ...]:
    """PADS of AXES as pads of all axes."""
    count = len(axes.places if isinstance(axes, AxesAtRun) else axes)
    if len(pads) != 2 * count:
        raise Malformed(f"it has {len(pads)} pads for {count} axes; two for each are expected")
    if isinstance(axes, AxesAtRun):
        ends = (axes.spread(part, [0] * rank) for part in (pads[:count], pads[count:]))
        return tuple(pad for part in ends for pad in part)
    call.axes(axes, rank)  # for the check that they are distinct
    full: list[Dim] = [0] * (2 * rank)
    for place, axis in enumerate(axes):
        full[call.axis(axis, rank)] = pads[place]
        full[call.axis(axis, rank) + rank] = pads[place + len(axes)]
    return tuple(full)


def _padded(call: Call, x: Tensor, pads: Sequence[Dim], value: Tensor | None) -> Tensor:
    mode = call.choice("mode", "constant", _PAD_MODES)
    if len(pads) != 2 * x.rank:
        raise Malformed(f"it has {len(pads)} pads for {x.rank} dimensions")
    if not any(pads):
        return x
    if mode != "constant" and not all(isinstance(pad, int) for pad in pads):
        x, pads = _cropped(call, x, pads)
    return call.emit(Pad, x, value if mode == "constant" else None, pads=pads, mode=mode)


def _cropped(call: Call, x: Tensor, pads: Sequence[Dim]) -> tuple[Tensor, list[Dim]]:
    """X cropped by the negative PADS, and the remaining pads, none of which is negative."""
    sizes = call.builder.sizes_known
    cuts = [sizes.derive("min", pad, 0) for pad in pads]
    begins, ends = cuts[: x.rank], cuts[x.rank :]
    kept = [size + begin + end for size, begin, end in zip(x.shape, begins, ends, strict=True)]
    starts = [-1 * begin for begin in begins]
    if any(cuts):
        x = call.emit(Slice, x, starts=starts, sizes=kept)
    return x, [sizes.derive("max", pad, 0) for pad in pads]


TABLE: Table = {
    "Pad": [(2, _pad_attributes), (11, _pad_inputs)],
}
