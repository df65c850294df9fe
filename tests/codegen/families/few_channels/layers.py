"""Convolutions of few channels for tests: modules of one kernel, and the configurations to run them with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.binding import find_contraction
from glassrt.codegen.families.few_channels.config import FewChannelsConfig
from glassrt.codegen.families.few_channels.problem import Image, image_of
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.dtypes import DTYPES, F32
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import ROW_MAJOR, TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.quantization import Quantize

from ...one_kernel import kernel_module

Array = np.ndarray[Any, Any]
NAMES = ("few_channels_wgmma", "few_channels_mma")


@dataclass(frozen=True)
class Layer:
    """A convolution of an image of shape `x` by `count` filters of the size `window`.

    Types: `image` in memory, `weights`, `multiplied` of both in the product, `out` of results.
    """

    x: tuple[Any, ...]
    count: int
    window: tuple[int, int]
    stride: int = 1
    pads: tuple[int, ...] = (0, 0, 0, 0)
    dilation: int = 1
    image: str = "f16"
    weights: str = "f16"
    multiplied: str = ""
    out: str = "f16"
    last: bool = False  # the image is stored channels-last
    bias: bool = True
    residual: bool = False
    shifted: bool = (
        False  # the kernel adds one to every pixel, and quantizes it where products are of integers
    )
    channels_apart: bool = False  # what it adds is an input, with a number for each channel

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.count, self.x[1], *self.window)

    @property
    def module(self) -> Module:
        """The layer as a kernel: convolution, bias and relu, results channels-last."""
        own = DTYPES[self.multiplied or self.weights]
        sums = F32 if own.is_float else DTYPES["i32"]
        attributes = {
            "strides": (self.stride,) * 2,
            "dilations": (self.dilation,) * 2,
            "pads": self.pads,
            "accumulate": sums,
        }

        def body(do: Any, x: Any, w: Any, *beside: Any) -> Any:
            others = list(beside)
            if self.shifted:
                one, scale = (do(Constant(value=np.array(value, np.float32))) for value in (1, 2.0**-5))
                if self.channels_apart:
                    *others, one = others
                x = do(Add(x if x.type.dtype == F32 else do(Cast(x, to=F32)), one))
                x = x if own.is_float else do(Quantize(x, scale, to=own))
            x = x if x.type.dtype == own else do(Cast(x, to=own))
            y = do(Conv(x, w, **attributes))
            y = do(Cast(y, to=F32)) if y.type.dtype != F32 else y
            for other in others:
                y = do(Add(y, other if other.type.dtype == F32 else do(Cast(other, to=F32))))
            return do(Cast(do(Relu(y)), to=DTYPES[self.out]))

        layout = channels_last(4) if self.last else ROW_MAJOR
        inputs = [
            TensorType(self.x, DTYPES[self.image], layout),
            TensorType(self.weight_shape, DTYPES[self.weights], channels_last(4)),
        ]
        result = self.result_shape
        if self.bias:
            inputs.append(TensorType((1, self.count, 1, 1), F32))
        if self.residual:
            inputs.append(TensorType(result, DTYPES[self.out], channels_last(4)))
        if self.channels_apart:
            inputs.append(TensorType((1, self.x[1], 1, 1), F32))
        symbols = {str(dim): SymbolRange(1, 2, 9) for dim in self.x if not isinstance(dim, int)}
        return kernel_module(body, inputs, [TensorType(result, DTYPES[self.out], channels_last(4))], symbols)

    @property
    def result_shape(self) -> tuple[Any, ...]:
        spans = [(taps - 1) * self.dilation + 1 for taps in self.window]
        top, left, bottom, right = self.pads
        height = (self.x[2] + top + bottom - spans[0]) // self.stride + 1
        width = (self.x[3] + left + right - spans[1]) // self.stride + 1
        return (self.x[0], self.count, height, width)


def choose(name: str, config: FewChannelsConfig | None = None) -> Callable[[Request], Candidate]:
    """A choice of the family NAME, with CONFIG or its best; copies of operands fall to another."""

    def chosen(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:
            return candidates(request)[0]
        found = families()[name].propose(request)
        assert found, f"{name} does not take this kernel"
        return found[0] if config is None else Candidate(name, asdict(config), 1.0)

    return chosen


STEM = Layer((2, 3, 224, 224), 64, (7, 7), 2, (3, 3, 3, 3))
BYTES = Layer((1, 3, 40, 40), 64, (7, 7), 2, (3, 3, 3, 3), image="i8", weights="i8", out="f32")
LAYERS = {
    "stem": replace(STEM, x=(2, 3, 50, 64)),
    "ragged": Layer((2, 3, 45, 53), 24, (3, 3), 2, (1, 1, 1, 1)),
    "converted": Layer((1, 3, 40, 40), 32, (3, 3), 2, (1, 1, 1, 1), image="f32", multiplied="f16"),
    "gray": Layer((2, 1, 28, 28), 20, (5, 5), 1, (2, 2, 2, 2)),
    "bytes": BYTES,
    "near": Layer((1, 3, 20, 21), 16, (3, 3), 1, (1, 1, 1, 1), image="u8", weights="i8", multiplied="u8"),
    "residual": Layer((2, 3, 33, 41), 40, (3, 3), 2, (1, 1, 1, 1), last=True, residual=True),
    "dilated": Layer((1, 4, 40, 36), 16, (3, 3), 2, (2, 2, 2, 2), 2, "bf16", "bf16", out="bf16"),
    "patches": Layer((1, 3, 32, 32), 160, (4, 4), 4),
    "single": Layer((1, 2, 9, 11), 33, (2, 3), 1, (1, 0, 0, 2), last=True),
    "upright": Layer((1, 8, 12, 9), 16, (7, 1), 1, (1, 2, 2, 0), image="bf16", weights="bf16", out="bf16"),
    "quantized": replace(BYTES, image="f32", multiplied="i8", shifted=True),
    "shifted": Layer((1, 3, 21, 24), 16, (3, 3), 2, (1, 1, 1, 1), shifted=True),
    "odd": Layer((1, 2, 30, 30), 8, (3, 5), 2, (1, 2, 1, 2)),
}


def request(layer: Layer) -> Request:
    """The request for the kernel of LAYER."""
    asked: list[Request] = []

    def keep(request: Request) -> Candidate:
        asked.append(request)
        return candidates(request)[0]

    precision_to_launch(layer.module, REFERENCE, keep)
    return next(each for each in asked if any(isinstance(op, Conv) for op in each.ops))


def image(layer: Layer) -> Image:
    """The image that the kernel of LAYER reads."""
    contraction = find_contraction(request(layer))
    assert contraction is not None
    found = image_of(contraction, REFERENCE)
    assert not isinstance(found, str), found
    return found
