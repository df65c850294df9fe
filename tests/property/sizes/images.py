"""Steps on images: windows, resizing, blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.testing.draft import Unfit

from .draft import Draft, Step


def _window(d: Draft, x: str, most: int = 3) -> dict[str, Any]:
    rank = d.rank(x) - 2
    found: dict[str, Any] = {
        "kernel_shape": [d.random.randint(1, most) for _ in range(rank)],
        "strides": [d.choice(1, 1, 2, 3)] * rank,
    }
    match d.choice("", "pads", "pads", "upper", "lower", "valid"):
        case "pads":
            found["pads"] = [d.random.randint(0, size // 2) for size in found["kernel_shape"]] * 2
        case "upper":
            found["auto_pad"] = "SAME_UPPER"
        case "lower":
            found["auto_pad"] = "SAME_LOWER"
        case "valid":
            found["auto_pad"] = "VALID"
    return found


def _fits(d: Draft, x: str, window: dict[str, Any]) -> None:
    """Unfit where some window is larger than all of X: ONNX Runtime takes parts of it at times."""
    pads = window.get("pads", [0] * (2 * d.rank(x) - 4))
    room = [size + b + e for size, b, e in zip(d.shape(x)[2:], pads, pads[d.rank(x) - 2 :], strict=False)]
    same = window.get("auto_pad", "").startswith("SAME")
    if not same and any(k > size for k, size in zip(window["kernel_shape"], room, strict=True)):
        raise Unfit("a window is larger than its input")


def _image(d: Draft) -> str:
    return d.pick(rank=d.choice(4, 4, 4, 3))


def conv(d: Draft) -> str:
    x = _image(d)
    window = _window(d, x)
    if d.random.random() < 0.2:
        window["dilations"] = [2] * (d.rank(x) - 2)
    return d.add("Conv", x, d.weights(d.choice(2, 4), d.shape(x)[1], *window["kernel_shape"]), **window)


def conv_transpose(d: Draft) -> str:
    x = _image(d)
    window = _window(d, x)
    if window["strides"][0] > 1 and d.random.random() < 0.3:
        window["output_padding"] = [1] * (d.rank(x) - 2)
    if "auto_pad" in window and min(window["kernel_shape"]) < window["strides"][0]:
        raise Unfit("ONNX Runtime gives a smaller output than the standard")
    return d.add("ConvTranspose", x, d.weights(d.shape(x)[1], 2, *window["kernel_shape"]), **window)


def pool(d: Draft) -> str:
    x = _image(d)
    window = _window(d, x)
    if "auto_pad" not in window and d.random.random() < 0.3:
        window["ceil_mode"] = 1
    _fits(d, x, window)
    op = d.choice("MaxPool", "AveragePool")
    if op == "AveragePool" and d.random.random() < 0.3:
        window["count_include_pad"] = 1
    return d.add(op, x, **window)


def global_pool(d: Draft) -> str:
    return d.add(d.choice("GlobalAveragePool", "GlobalMaxPool"), _image(d))


_LINEAR = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
_NEAREST = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}


def resize(d: Draft) -> str:
    x = d.pick(rank=4)
    mode = d.choice(_LINEAR, _NEAREST)
    if d.random.random() < 0.5:
        scale = d.choice(2.0, 2.0, 0.5, 1.5)
        return d.add("Resize", x, "", d.const(np.array([1, 1, scale, scale], np.float32)), **mode)
    other = d.pick(rank=4)
    begin, two, end = d.ints(0), d.ints(2), d.ints(4)
    head = d.add("Slice", d.add("Shape", x), begin, two)
    tail = d.add("Slice", d.add("Shape", other), two, end)
    return d.add("Resize", x, "", "", d.add("Concat", head, tail, axis=0), **mode)


def skip(d: Draft) -> str:
    """A UNet's step up: the deeper image doubled, joined with the one before."""
    x, other = d.pick(rank=4), d.pick(rank=4)
    up = d.add("Resize", x, "", d.const(np.array([1, 1, 2, 2], np.float32)), **_NEAREST)
    return d.add("Concat", up, other, axis=1)


def blocks(d: Draft) -> str:
    return d.add(d.choice("SpaceToDepth", "DepthToSpace"), d.pick(rank=4), blocksize=2)


def windows(d: Draft) -> str:
    """A Swin transformer's partition into windows, with all sizes from Shape."""
    x = d.pick(rank=4)
    side = d.choice(2, 2, 3)
    size = d.ints(side)
    n, c, h, w = (d.size_of(x, axis) for axis in range(4))
    rows, columns = d.add("Div", h, size), d.add("Div", w, size)
    parts = d.add("Reshape", x, d.add("Concat", n, c, rows, size, columns, size, axis=0))
    moved = d.add("Transpose", parts, perm=[0, 2, 4, 3, 5, 1])
    return d.add("Reshape", moved, d.add("Concat", d.ints(-1, side * side), c, axis=0))


STEPS: tuple[Step, ...] = (
    conv, conv, conv_transpose, pool, pool, global_pool, resize, skip, blocks, windows,
)  # fmt: skip
