"""Convolutions of few channels with a pool for tests: modules of one kernel, and what runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.few_channels_pool.config import PoolConfig
from glassrt.codegen.families.few_channels_pool.problem import PooledImage, pooled_image_of
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.dtypes import DTYPES, F32
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import ROW_MAJOR, TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.quantization import Quantize

from ...one_kernel import kernel_module

NAMES = ("few_channels_wgmma_pool", "few_channels_mma_pool")


@dataclass(frozen=True)
class Layer:
    """A convolution of an image of shape `x` by `count` filters of the size `window`, then maxima over `pool`
    of its sums, then a bias and a relu.

    Types: `image` in memory, `weights`, of which products are, `out` of results.
    """

    x: tuple[Any, ...]
    count: int
    window: tuple[int, int]
    stride: int = 1
    pads: tuple[int, ...] = (0, 0, 0, 0)
    dilation: int = 1
    pool: tuple[int, int] = (3, 3)
    pool_pads: tuple[int, ...] = (1, 1, 1, 1)
    ceil: bool = False
    image: str = "f16"
    weights: str = "f16"
    out: str = "f16"
    last: bool = False  # the image is stored channels-last

    @property
    def module(self) -> Module:
        """The layer as a kernel; a quantized one quantizes its image."""
        own, out = DTYPES[self.weights], DTYPES[self.out]
        attributes = {
            "strides": (self.stride,) * 2,
            "dilations": (self.dilation,) * 2,
            "pads": self.pads,
            "accumulate": F32 if own.is_float else DTYPES["i32"],
        }
        types: list[TensorType] = []

        def body(do: Any, x: Any, w: Any, bias: Any) -> Any:
            if x.type.dtype != own:
                scale = Constant(value=np.array(2.0**-5, np.float32))
                x = do(Cast(x, to=own)) if own.is_float else do(Quantize(x, do(scale), to=own))
            y = do(Conv(x, w, **attributes))
            pads = {"pads": self.pool_pads, "ceil_mode": self.ceil}
            y = do(MaxPool(y, kernel=self.pool, strides=(2, 2), **pads))
            if not own.is_float:
                y = do(Cast(y, to=F32))
                y = do(Mul(y, do(Constant(value=np.array(2.0**-4, np.float32)))))
            y = do(Relu(do(Add(y, bias))))
            if out.is_float:
                y = do(Cast(y, to=out)) if out != F32 else y
            else:
                y = do(Quantize(y, do(Constant(value=np.array(2.0**-3, np.float32))), to=out))
            y.type = y.type.with_layout(channels_last(4))
            types.append(y.type)
            return y

        layout = channels_last(4) if self.last else ROW_MAJOR
        inputs = [
            TensorType(self.x, DTYPES[self.image], layout),
            TensorType((self.count, self.x[1], *self.window), own, channels_last(4)),
            TensorType((1, self.count, 1, 1), F32),
        ]
        symbols = {str(dim): SymbolRange(1, 2, 9) for dim in self.x if not isinstance(dim, int)}
        return kernel_module(body, inputs, None, symbols)


def choose(name: str, config: PoolConfig | None = None) -> Callable[[Request], Candidate]:
    """A choice of the family NAME, with CONFIG or its best; copies of operands fall to another."""

    def chosen(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:
            return candidates(request)[0]
        found = families()[name].propose(request)
        assert found, f"{name} does not take this kernel"
        return found[0] if config is None else Candidate(name, asdict(config), 1.0)

    return chosen


STEM = Layer((2, 3, 224, 224), 64, (7, 7), 2, (3, 3, 3, 3), image="f32")
BYTES = Layer((1, 3, 40, 40), 64, (7, 7), 2, (3, 3, 3, 3), image="f32", weights="i8", out="i8")
LAYERS = {
    "stem": Layer((2, 3, 60, 64), 64, (7, 7), 2, (3, 3, 3, 3), image="f32"),
    "ragged": Layer((2, 3, 45, 53), 24, (3, 3), 2, (1, 1, 1, 1)),
    "unpadded": Layer((1, 3, 50, 47), 32, (7, 7), 2, (3, 3, 3, 3), pool_pads=(0, 0, 0, 0)),
    "ceil": Layer((2, 3, 41, 44), 64, (5, 5), 2, (2, 2, 2, 2), pool_pads=(0, 0, 0, 0), ceil=True),
    "pairs": Layer(
        (2, 3, 30, 34), 16, (3, 3), 1, (1, 1, 1, 1), pool=(2, 2), pool_pads=(0, 0, 0, 0), last=True
    ),
    "shifted": Layer((1, 3, 31, 33), 32, (3, 3), 2, (1, 1, 1, 1), pool=(2, 2), pool_pads=(1, 1, 0, 1)),
    "wide": Layer((1, 3, 37, 40), 40, (3, 3), 2, (1, 1, 1, 1), pool=(2, 3), pool_pads=(0, 2, 1, 0)),
    "tall": Layer((1, 3, 37, 40), 40, (3, 3), 2, (1, 1, 1, 1), pool=(3, 2), pool_pads=(2, 0, 0, 1)),
    "gray": Layer((2, 1, 28, 28), 20, (5, 5), 1, (2, 2, 2, 2), pool=(2, 2), pool_pads=(0, 0, 0, 0)),
    "dilated": Layer(
        (1, 3, 40, 36), 16, (3, 3), 2, (2, 2, 2, 2), 2, image="bf16", weights="bf16", out="bf16"
    ),
    "bytes": BYTES,
    "near": Layer((1, 7, 20, 21), 8, (3, 3), 1, (1, 1, 1, 1), image="i8", weights="i8", out="f32"),
    "odd": Layer((1, 2, 30, 30), 8, (3, 5), 2, (1, 2, 1, 2)),
    "tiny": Layer((3, 3, 6, 5), 16, (3, 3), 2, (1, 1, 1, 1)),
    "patches": Layer((1, 3, 64, 64), 160, (4, 4), 4, image="f32", out="f32"),
}


def request(layer: Layer) -> Request:
    """The request for the kernel of LAYER."""
    asked: list[Request] = []

    def keep(request: Request) -> Candidate:
        asked.append(request)
        return candidates(request)[0]

    precision_to_launch(layer.module, REFERENCE, keep)
    return next(each for each in asked if any(isinstance(op, Conv) for op in each.ops))


def pooled(layer: Layer) -> PooledImage:
    """The pooled image that the kernel of LAYER computes."""
    found = pooled_image_of(request(layer))
    assert not isinstance(found, str), found
    return found
