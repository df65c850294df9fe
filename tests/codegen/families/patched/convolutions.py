"""Convolutions for tests of the family that reads their taps from patches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.contraction.binding import Contraction, find_contraction
from glassrt.codegen.families.patched.config import PatchConfig
from glassrt.codegen.families.patched.patch import PatchedConvolution, find_convolution
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.dtypes import F16, F32, I8, I32, DType
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.quantization import Dequantize, Quantize

from ...one_kernel import compare, draw_inputs, kernel_module, plan_of

NAME = "contraction_patched"


@dataclass(frozen=True)
class Case:
    """A convolution with bias, a residual and a relu if wanted; of bytes with scales, and quantized again."""

    image: tuple[Dim, int, Dim, Dim]
    channels: int
    dtype: DType = F16
    taps: tuple[int, int] = (3, 3)
    pads: tuple[int, int, int, int] = (1, 1, 1, 1)
    dilations: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    residual: bool = False
    relu: bool = True
    groups: int = 1

    def module(self) -> Module:
        last = channels_last(4)
        n, channels, height, width = self.image
        out = [
            (size + self.pads[axis] + self.pads[axis + 2] - (self.taps[axis] - 1) * self.dilations[axis] - 1)
            // self.strides[axis] + 1
            for axis, size in enumerate((height, width))
        ]  # fmt: skip
        shape = (n, self.channels, *out)
        types = [
            TensorType(self.image, self.dtype, last),
            TensorType((self.channels, channels // self.groups, *self.taps), self.dtype, last),
            TensorType((self.channels, 1, 1), F32),
            TensorType((self.channels, 1, 1), F32),
            *[TensorType(shape, self.dtype, last)] * self.residual,
        ]
        symbols = {str(dim): SymbolRange(1, 4, 9) for dim in self.image if not isinstance(dim, int)}
        return kernel_module(self._body, types, [TensorType(shape, self.dtype, last)], symbols)

    def _body(self, do: Any, x: Any, w: Any, scale: Any, bias: Any, *others: Any) -> Any:
        sums = F32 if self.dtype.is_float else I32
        window = {"pads": self.pads, "strides": self.strides, "dilations": self.dilations}
        y = do(Conv(x, w, groups=self.groups, accumulate=sums, **window))
        if not self.dtype.is_float:
            y = do(Mul(do(Cast(y, to=F32)), scale))
        y = do(Add(y, bias))
        for other in others:
            step = do(Constant(value=np.array(0.37, np.float32)))
            y = do(
                Add(y, do(Cast(other, to=F32) if self.dtype.is_float else Dequantize(other, step, to=F32)))
            )
        y = do(Relu(y)) if self.relu else y
        step = do(Constant(value=np.array(0.81, np.float32)))
        return do(Cast(y, to=self.dtype) if self.dtype.is_float else Quantize(y, step, to=self.dtype))


def request_of(case: Case) -> Request:
    """The request of the kernel of CASE."""
    found: list[Request] = []

    def choose(request: Request) -> Candidate:
        found.append(request)
        return candidates(request)[0]

    plan_of(case.module(), choose)
    return next(each for each in found if find_contraction(each) is not None)


def convolution_of(request: Request) -> tuple[Contraction, PatchedConvolution | str]:
    """The contraction of REQUEST, and how kernels see it."""
    contraction = find_contraction(request)
    assert contraction is not None
    return contraction, find_convolution(request, contraction, REFERENCE)


def configured(config: PatchConfig) -> Callable[[Request], Candidate]:
    """A choice of CONFIG for the convolution."""

    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:  # brings an operand to its layout
            return candidates(request)[0]
        assert families()[NAME].propose(request)
        return Candidate(NAME, asdict(config), 1.0)

    return choose


def check(case: Case, config: PatchConfig, device: str = "host", seed: int = 0, **sizes: int) -> None:
    """The kernel of CASE under CONFIG on DEVICE is what the interpreter gives; bytes to the last bit."""
    module = case.module()
    given = draw_inputs(module, np.random.default_rng(seed), sizes)
    depth = case.image[1] // case.groups * case.taps[0] * case.taps[1]
    for name, factor in (("x2", 0.02 / depth**0.5), ("x3", 1.0 if case.dtype.is_float else 20.0)):
        given[name] = (given[name] * np.float32(factor)).astype(np.float32)
    for got, want in compare(module, given, configured(config), device):
        if case.dtype == I8:
            np.testing.assert_array_equal(got, want)
            assert len(np.unique(want)) > 20
        else:
            error = np.abs(got.astype(np.float64) - want.astype(np.float64))
            assert (error / np.maximum(np.abs(want.astype(np.float64)), 1)).max() <= 2.0**-9
