"""Ops on images in channels-last order (NHWC), where the standard has the channels on axis 1."""

from __future__ import annotations

from collections.abc import Callable

from ....dialects.graph.movement.reshape import Transpose
from ..call import Call, Outcome
from ..ops_window import largest
from ..problems import Malformed
from ..tensor import Tensor
from .form import OwnOps, op


def in_channels(call: Call, x: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """COMPUTE on X, with the channels moved to axis 1 and back if the attribute `channels_last` is set."""
    return from_channels_last(call, x, compute) if call.flag("channels_last") else compute(x)


def from_channels_last(call: Call, x: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """COMPUTE on X [batch, .., channels] as [batch, channels, ..]; its result is moved back."""
    if x.rank < 3:
        raise Malformed(f"its input has {x.rank} dimensions, 3 or more are expected")
    y = compute(call.emit(Transpose, x, perm=(0, x.rank - 1, *range(1, x.rank - 1))))
    return call.emit(Transpose, y, perm=(0, *range(2, y.rank), 1))


def _max_pool(call: Call) -> Outcome:
    return from_channels_last(call, call.input(0), lambda image: largest(call, image))


_WINDOW = ("auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides")
TABLE: OwnOps = {"NhwcMaxPool": op(_max_pool, 1, 1, _WINDOW)}
