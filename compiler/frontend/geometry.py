"""Windows of convolutions and pools as ONNX states them, with padding that is computed resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, exact_div
from .call import Call
from .problems import Malformed, Refused

PADDINGS = {"NOTSET": "explicit", "VALID": "none", "SAME_UPPER": "upper", "SAME_LOWER": "lower"}


@dataclass(frozen=True)
class Window:
    """Per spatial dimension: taps, strides, dilations; pads as all begins, then all ends."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]

    @property
    def spans(self) -> tuple[int, ...]:
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))


def read_window(call: Call, spatial: Sequence[Dim], kernel: Sequence[int]) -> Window:
    """The window of a node whose input has the SPATIAL sizes, with automatic padding resolved."""
    rank = len(spatial)
    if len(kernel) != rank:
        raise Malformed(f"a kernel of {len(kernel)} dimensions on an input with {rank} spatial ones")
    window = Window(
        tuple(kernel),
        _positive(call, "strides", rank),
        _positive(call, "dilations", rank),
        _explicit_pads(call, rank),
    )
    padding = call.choice("auto_pad", "NOTSET", PADDINGS)
    if padding == "explicit":
        return window
    totals = [0] * rank if padding == "none" else same_totals(window, spatial)
    return Window(window.kernel, window.strides, window.dilations, split_pads(totals, padding))


def _positive(call: Call, name: str, rank: int) -> tuple[int, ...]:
    values = call.ints(name) or (1,) * rank
    if len(values) != rank or min(values, default=1) < 1:
        raise Malformed(f"{name} {list(values)} does not give {rank} positive numbers")
    return values


def _explicit_pads(call: Call, rank: int) -> tuple[int, ...]:
    pads = call.ints("pads") or (0,) * (2 * rank)
    if len(pads) != 2 * rank or min(pads, default=0) < 0:
        raise Malformed(f"pads {list(pads)} does not give {2 * rank} numbers that are not negative")
    return pads


def same_totals(window: Window, spatial: Sequence[Dim]) -> list[int]:
    """The padding along each dimension for which the output has ceil(input / stride) elements."""
    return [
        _same_total(size, stride, span)
        for size, stride, span in zip(spatial, window.strides, window.spans, strict=True)
    ]


def _same_total(size: Dim, stride: int, span: int) -> int:
    if isinstance(size, int):
        outputs = -(-size // stride)
        return max((outputs - 1) * stride + span - size, 0)
    if exact_div(size, stride) is None:
        raise Refused(f"auto_pad with stride {stride} on the symbolic size {size}")
    return max(span - stride, 0)


def split_pads(totals: Sequence[int], padding: str) -> tuple[int, ...]:
    """Begins, then ends: where a total is odd, the end gets more for 'upper', the begin for 'lower'."""
    begins = [total - total // 2 if padding == "lower" else total // 2 for total in totals]
    return (*begins, *(total - begin for total, begin in zip(totals, begins, strict=True)))
