"""Steps on images: convolutions, pools, resizing, blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..draft import Draft, Unfit
from .registry import node_maker


def _image(d: Draft) -> str:
    return d.pick(lambda array: array.ndim in (3, 4), "image")


def _image_of_numbers(d: Draft) -> str:
    """An image for pools, in which ONNX Runtime skips NaN where GlassRT hands it on (docs/numerics.md), and
    for sums over channels, in which it subtracts what it has added, so that a NaN never leaves them."""
    if d.special:
        raise Unfit("implementations disagree about NaN")
    return _image(d)


def _window(d: Draft, x: str) -> dict[str, Any]:
    """The attributes of a window that moves over X; none is larger than X."""
    rank = d.rank(x) - 2
    found: dict[str, Any] = {
        "kernel_shape": [d.integer(1, min(3, size)) for size in d.shape(x)[2:]],
        "strides": [d.choice(1, 1, 2)] * rank,
    }
    match d.choice("", "pads", "pads", "upper", "lower", "valid"):
        case "pads":
            found["pads"] = [d.integer(0, size // 2) for size in found["kernel_shape"]] * 2
        case "upper":
            found["auto_pad"] = "SAME_UPPER"
        case "lower":
            found["auto_pad"] = "SAME_LOWER"
        case "valid":
            found["auto_pad"] = "VALID"
    return found


@node_maker
def conv(d: Draft) -> str:
    x = _image(d)
    window, channels = _window(d, x), d.shape(x)[1]
    groups = d.choice(*(g for g in (1, 1, 2, channels) if channels % g == 0))
    depth = groups * d.integer(1, 3)
    if d.chance(20):
        window["dilations"] = [2] * (d.rank(x) - 2)
    weights = d.weights(depth, channels // groups, *window["kernel_shape"])
    bias = [d.weights(depth)] if d.chance(40) else []
    return d.add("Conv", x, weights, *bias, group=groups, **window)


@node_maker
def conv_block(d: Draft) -> str:
    """A convolution with what stands behind it in networks: a norm, an activation, a residual."""
    x = d.pick(lambda array: array.ndim == 4, "image")
    channels = d.shape(x)[1]
    y = d.add("Conv", x, d.weights(channels, channels, 3, 3), pads=[1, 1, 1, 1])
    if d.chance(50):
        scale, bias, mean = (d.const(d.numbers((channels,))) for _ in range(3))
        variance = d.const(np.abs(d.numbers((channels,))) + np.float32(0.5))
        y = d.add("BatchNormalization", y, scale, bias, mean, variance)
    if d.chance(50):
        y = d.add("Add", y, x)
    return d.add(d.choice("Relu", "Sigmoid", "HardSwish"), y)


@node_maker
def conv_transpose(d: Draft) -> str:
    x = _image(d)
    window = _window(d, x)
    if "auto_pad" in window:
        raise Unfit("implementations disagree about the size")
    return d.add("ConvTranspose", x, d.weights(d.shape(x)[1], 2, *window["kernel_shape"]), **window)


@node_maker
def pool(d: Draft) -> str:
    x = _image_of_numbers(d)
    window = _window(d, x)
    if "auto_pad" not in window and d.chance(30):
        window["ceil_mode"] = 1
    crops = any(step > size for step, size in zip(window["strides"], window["kernel_shape"], strict=True))
    if crops and window.get("auto_pad", "VALID") != "VALID":
        raise Unfit("the standard does not define padding by less than nothing")
    op = d.choice("MaxPool", "AveragePool")
    if op == "AveragePool" and d.chance(30):
        window["count_include_pad"] = 1
    return d.add(op, x, **window)


@node_maker
def global_pool(d: Draft) -> str:
    return d.add(d.choice("GlobalAveragePool", "GlobalMaxPool"), _image_of_numbers(d))


@node_maker
def local_norm(d: Draft) -> str:
    return d.add("LRN", _image_of_numbers(d), size=3)


@node_maker
def resize(d: Draft) -> str:
    x = d.pick(lambda array: array.ndim == 4, "image")
    linear = {"mode": "linear", "coordinate_transformation_mode": d.choice("half_pixel", "asymmetric")}
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    scale = d.choice(2.0, 0.5, 1.5)
    scales = d.const(np.array([1, 1, scale, scale], np.float32))
    chosen = d.choice(linear, nearest)
    if d.special and chosen is linear:
        raise Unfit("implementations disagree about an infinite element of weight 0")
    return d.add("Resize", x, "", scales, **chosen)


@node_maker
def blocks(d: Draft) -> str:
    x = d.pick(lambda array: array.ndim == 4, "image")
    return d.add(d.choice("SpaceToDepth", "DepthToSpace"), x, blocksize=2)
