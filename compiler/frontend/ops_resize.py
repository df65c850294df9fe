"""Importers of Resize and Upsample in all versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from ...dialects.core.affine import Dim, floordiv
from ...dialects.core.bounds import bounds
from ...dialects.graph.movement.resize import Resize
from ...dialects.graph.movement.sampling import COORDINATES, NEAREST
from . import symbolic
from .builder import Ratio
from .call import Call, Outcome
from .contents import SIZE, ElementRange, count_of
from .problems import Malformed, Refused
from .table import Table
from .tensor import Tensor

_MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}
# The dialect uses ONNX's own words.
_COORDINATES = dict(zip(COORDINATES, COORDINATES, strict=True))
_NEAREST = dict(zip(NEAREST, NEAREST, strict=True))
_LARGEST_SCALE = 1e6
_SCALE = ElementRange(0, 1, 8, fractions=True)
_BEGIN, _END = (ElementRange(-8, usual, 8, fractions=True) for usual in (0, 1))


@dataclass(frozen=True)
class _Target:
    """The size and scale of every axis; without scales they are the quotients of the sizes.

    Ratios stand for scales and regions of interest that are known at run time only.
    """

    sizes: tuple[Dim, ...]
    scales: tuple[float, ...] = ()
    ratios: tuple[Dim, ...] = ()
    roi_ratios: tuple[Dim, ...] = ()
    rests: tuple[Dim, ...] = ()
    roi: tuple[float, ...] = field(default=())


def _upsample_attribute(call: Call) -> Outcome:
    return _simple(call, call.floats("scales") or ())


def _upsample_input(call: Call) -> Outcome:
    x, scales = call.input(0), call.input(1)
    if scales.data is not None:
        return _simple(call, _floats(call, scales, "its scales"))
    mode = call.choice("mode", "nearest", _MODES)
    if mode == "nearest" and call.node.op_type == "Resize":
        raise Refused("nearest-neighbour resizing of opset 10 by scales that are inputs")
    ratios = _ratios(call, scales, range(x.rank))
    for over, under in ratios if call.node.op_type == "Upsample" else ():
        call.require(over, under, "an Upsample makes no axis smaller")
    target = _scaled_at_run(call, x, ratios)
    return call.emit(
        Resize,
        x,
        sizes=target.sizes,
        ratios=target.ratios,
        mode=mode,
        coordinates="asymmetric",
        nearest="floor",
    )


def _simple(call: Call, scales: Sequence[float]) -> Tensor:
    """Opset 10 and before: positions are divided by the scale and rounded down, or up when shrinking."""
    x = call.input(0)
    _check_scales(scales, x.rank)
    mode = call.choice("mode", "nearest", _MODES)
    grows, shrinks = any(scale > 1 for scale in scales), any(scale < 1 for scale in scales)
    if mode == "nearest" and grows and shrinks:
        raise Refused("nearest-neighbour resizing of opset 10 that enlarges some axes and shrinks others")
    sizes = tuple(_scaled(size, scale) for size, scale in zip(x.shape, scales, strict=True))
    return call.emit(
        Resize,
        x,
        sizes=sizes,
        scales=tuple(scales),
        mode=mode,
        coordinates="asymmetric",
        nearest="ceil" if shrinks else "floor",
    )


def _floats(call: Call, tensor: Tensor, what: str) -> tuple[float, ...]:
    array = call.builder.known_array(tensor, what)
    return tuple(float(item) for item in array.reshape(-1))


def _check_scales(scales: Sequence[float], rank: int) -> None:
    if len(scales) != rank or not all(0 < scale <= _LARGEST_SCALE for scale in scales):
        raise Malformed(f"scales {list(scales)} are not {rank} positive numbers")


def _scaled(size: Dim, scale: float) -> Dim:
    """floor(size * scale), computed in f32 as runtimes do. Raises Refused if that cannot be expressed."""
    if isinstance(size, int):
        return int(np.floor(np.float32(size) * np.float32(scale)))
    exact = Fraction(scale).limit_denominator(1024)
    if np.float32(float(exact)) != np.float32(scale):
        raise Refused(f"the scale {scale} of the symbolic size {size} is not a simple fraction")
    return floordiv(size * exact.numerator, exact.denominator)


def _ratios(call: Call, scales: Tensor, axes: Sequence[int]) -> list[Ratio]:
    """The scale of every axis of the input: SCALES, known at run time only, for AXES."""
    found = call.builder.known_fractions(scales, "its scales", [_SCALE] * count_of(scales))
    if len(found) != len(axes):
        raise Malformed(f"it has {len(found)} scales for {len(axes)} axes")
    ratios: list[Ratio] = [(1, 1)] * call.input(0).rank
    for axis, (over, under) in zip(axes, found, strict=True):
        call.require(over, 1, f"the scale of axis {axis} is positive")
        ratios[axis] = over, under
    return ratios


def _scaled_at_run(call: Call, x: Tensor, ratios: Sequence[Ratio]) -> _Target:
    shape = tuple(_length(call, size, *ratio) for size, ratio in zip(x.shape, ratios, strict=True))
    target = _Target(shape, ratios=tuple(part for ratio in ratios for part in ratio))
    if call.string("coordinate_transformation_mode", "half_pixel") != "half_pixel_symmetric":
        return target
    # As separate symbols, because kernels divide by numerators, and never negative numbers.
    sizes = call.builder.sizes_known
    parts = zip(x.shape, shape, ratios, strict=True)
    rests = [sizes.derive("max", old * over - new * under, 0) for old, new, (over, under) in parts]
    return replace(target, rests=tuple(rests))


def _length(call: Call, size: Dim, over: Dim, under: Dim) -> Dim:
    """floor(SIZE * OVER / UNDER), bounded by the largest scale, because a large numerator has a large
    denominator."""
    exact = floordiv(size * over, under)
    if isinstance(under, int):
        return exact
    sizes = call.builder.sizes_known
    most, unit = (bounds(part, sizes.ranges)[1] or 1 for part in (over, under))
    return sizes.derive("min", exact, size * -(-most // unit))


def _resize(call: Call) -> Outcome:
    x = call.input(0)
    coordinates = call.choice("coordinate_transformation_mode", "half_pixel", _COORDINATES)
    axes = call.axes(call.ints("axes") or range(x.rank), x.rank)
    order = [call.axis(axis, x.rank) for axis in call.ints("axes") or range(x.rank)]
    target = _with_roi(call, _target(call, x, order), order, coordinates)
    if len(axes) != len(order):
        raise Malformed("its axes are not distinct")
    return call.emit(
        Resize,
        x,
        sizes=target.sizes,
        scales=target.scales,
        mode=call.choice("mode", "nearest", _MODES),
        coordinates=coordinates,
        nearest=call.choice("nearest_mode", "round_prefer_floor", _NEAREST),
        cubic_coefficient=call.number("cubic_coeff_a", -0.75),
        exclude_outside=call.flag("exclude_outside"),
        antialias=call.flag("antialias"),
        roi=target.roi,
        ratios=target.ratios,
        roi_ratios=target.roi_ratios,
        rests=target.rests,
        extrapolation=call.number("extrapolation_value", 0.0),
    )


def _given(call: Call, index: int) -> Tensor | None:
    """The optional input INDEX; an empty tensor counts as absent."""
    tensor = call.optional(index)
    return None if tensor is None or tensor.type.elements == 0 else tensor


def _target(call: Call, x: Tensor, axes: Sequence[int]) -> _Target:
    scales, sizes = _given(call, 2), _given(call, 3)
    if (scales is None) == (sizes is None):
        raise Malformed("it needs exactly one of scales and sizes")
    if sizes is not None:
        ranges = [ElementRange(0, size if isinstance(size, int) else 8, _most(size)) for size in x.shape]
        usual = [ranges[axis] for axis in axes]
        return _sized(call, x, axes, call.builder.known_dims(sizes, "its sizes", usual))
    call.without_effect("keep_aspect_ratio_policy")
    assert scales is not None  # exactly one of the two is present
    if scales.data is None:
        return _scaled_at_run(call, x, _ratios(call, scales, axes))
    given = _floats(call, scales, "its scales")
    _check_scales(given, len(axes))
    factors = [1.0] * x.rank
    for axis, factor in zip(axes, given, strict=True):
        factors[axis] = factor
    shape = tuple(_scaled(size, factor) for size, factor in zip(x.shape, factors, strict=True))
    return _Target(shape, tuple(factors))


def _most(size: Dim) -> int:
    """The largest size that an axis of SIZE is resized to, unless a range is given."""
    return max(SIZE.high, 2 * size) if isinstance(size, int) else SIZE.high


def _sized(call: Call, x: Tensor, axes: Sequence[int], sizes: Sequence[Dim]) -> _Target:
    if len(sizes) != len(axes):
        raise Malformed(f"it has {len(sizes)} sizes for {len(axes)} axes")
    policy = call.string("keep_aspect_ratio_policy", "stretch")
    shape = list(x.shape)
    for axis, size in zip(axes, sizes, strict=True):
        shape[axis] = size
    if policy == "stretch":
        return _Target(tuple(shape))
    return _keeping_ratio(call, x, axes, shape)


def _keeping_ratio(call: Call, x: Tensor, axes: Sequence[int], shape: list[Dim]) -> _Target:
    """The target with one scale for all axes: the smallest or the largest of those that the sizes imply."""
    words = {"not_larger": "least", "not_smaller": "largest"}
    choose = min if call.choice("keep_aspect_ratio_policy", "stretch", words) == "least" else max
    pairs = [(shape[axis], x.shape[axis]) for axis in axes]
    known = [(new, old) for new, old in pairs if isinstance(new, int) and isinstance(old, int)]
    if len(known) != len(pairs):
        return _keeping_ratio_at_run(call, x, axes, shape, smallest=choose is min)
    scale = choose(Fraction(new, old) for new, old in known)
    factors = [1.0] * x.rank
    for axis, (_, old) in zip(axes, known, strict=True):
        shape[axis] = int(scale * old + Fraction(1, 2))
        factors[axis] = float(scale)
    return _Target(tuple(shape), tuple(factors))


def _keeping_ratio_at_run(
    call: Call, x: Tensor, axes: Sequence[int], shape: list[Dim], *, smallest: bool
) -> _Target:
    """`_keeping_ratio` where sizes decide which scale it is."""
    if call.string("coordinate_transformation_mode", "half_pixel") == "half_pixel_symmetric":
        raise Refused(
            "keep_aspect_ratio_policy with half_pixel_symmetric is not supported for symbolic sizes"
        )
    sizes = call.builder.sizes_known
    over, under = shape[axes[0]], x.shape[axes[0]]
    for axis in axes:
        call.require(x.shape[axis], 1, f"axis {axis}, which is resized, has elements")
    for axis in axes[1:]:
        ahead = over * x.shape[axis] - shape[axis] * under
        ahead = ahead if smallest else -1 * ahead
        over = symbolic.choose(ahead, shape[axis], over, sizes)
        under = symbolic.choose(ahead, x.shape[axis], under, sizes)
    ratios: list[Ratio] = [(1, 1)] * x.rank
    for axis in axes:
        ratios[axis] = over, under
        rounded = floordiv(2 * over * x.shape[axis] + under, 2 * under)
        shape[axis] = sizes.derive("min", rounded, shape[axis]) if smallest else rounded
    return _Target(tuple(shape), ratios=tuple(part for ratio in ratios for part in ratio))


def _with_roi(call: Call, target: _Target, axes: Sequence[int], coordinates: str) -> _Target:
    if coordinates != "tf_crop_and_resize":
        call.without_effect(1)  # the region of interest
        return target
    roi = _given(call, 1)
    if roi is None:
        raise Malformed("tf_crop_and_resize needs a region of interest")
    if roi.data is None:
        return replace(target, roi_ratios=_regions(call, roi, axes, len(target.sizes)))
    values = _floats(call, roi, "its region of interest")
    if len(values) != 2 * len(axes):
        raise Malformed(f"its region of interest has {len(values)} numbers for {len(axes)} axes")
    rank = len(target.sizes)
    full = [0.0] * rank + [1.0] * rank
    for place, axis in enumerate(axes):
        full[axis], full[axis + rank] = values[place], values[place + len(axes)]
    return replace(target, roi=tuple(full))


def _regions(call: Call, roi: Tensor, axes: Sequence[int], rank: int) -> tuple[Dim, ...]:
    """The begins, then the ends of the region ROI of AXES, known at run time only, for all axes."""
    half = len(axes)
    found = call.builder.known_fractions(roi, "its region of interest", [_BEGIN] * half + [_END] * half)
    if len(found) != 2 * half:
        raise Malformed(f"its region of interest has {len(found)} numbers for {half} axes")
    full: list[Ratio] = [*[(0, 1)] * rank, *[(1, 1)] * rank]
    for place, axis in enumerate(axes):
        full[axis], full[axis + rank] = found[place], found[place + half]
    return tuple(part for ratio in full for part in ratio)


TABLE: Table = {
    "Resize": [(10, _upsample_input), (11, _resize)],
    "Upsample": [(7, _upsample_attribute), (9, _upsample_input)],
}
