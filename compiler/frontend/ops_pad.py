"""Importers of Pad, whose pads may be negative and may be inputs."""

from __future__ import annotations

from collections.abc import Sequence

from ...dialects.core.affine import Dim
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.slicing import Slice
from .axes import AxesAtRun, known_axes
from .call import Call, Outcome
from .contents import ElementRange
from .lists import NumberList, most_axes, number_list
from .problems import Malformed
from .table import Table
from .tensor import Tensor

PADS = ElementRange(-64, 0, 64)
_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


def _pad_attributes(call: Call) -> Outcome:
    x = call.input(0)
    value = call.constant(call.number("value", 0.0), x.dtype)
    return _padded(call, x, call.ints("pads") or (), value)


def _pad_inputs(call: Call) -> Outcome:
    x = call.input(0)
    pads = number_list(call, 1, "its pads", lambda count: [PADS] * count, 2 * most_axes(x))
    axes = known_axes(call, 3, x.rank)
    return _padded(call, x, _spread(call, pads, axes, x.rank), call.optional(2))


def _spread(
    call: Call, pads: NumberList, axes: Sequence[int] | AxesAtRun | None, rank: int
) -> tuple[Dim, ...]:
    """PADS, given for AXES (None: all), as pads of all axes."""
    count: Dim = rank if axes is None else axes.count if isinstance(axes, AxesAtRun) else len(axes)
    if pads.is_whole and isinstance(count, int) and len(pads.values) != 2 * count:
        raise Malformed(f"it has {len(pads.values)} pads for {count} axes; two for each are expected")
    call.require_equal(pads.count, 2 * count, "it has two pads for each of its axes")
    if axes is None:
        return pads.values
    most = len(axes.places if isinstance(axes, AxesAtRun) else axes)
    begins, ends = (pads.part(start, most, call.builder.sizes_known) for start in (0, count))
    if isinstance(axes, AxesAtRun):
        spread = (axes.spread(part, [0] * rank) for part in (begins, ends))
        return tuple(pad for part in spread for pad in part)
    call.axes(axes, rank)  # for the check that they are distinct
    full: list[Dim] = [0] * (2 * rank)
    for axis, begin, end in zip(axes, begins, ends, strict=True):
        full[call.axis(axis, rank)], full[call.axis(axis, rank) + rank] = begin, end
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
