"""A convolution and the products behind it, in f16 or bytes, as one kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from glassrt.codegen.families.bottleneck.block import Bottleneck, find_bottleneck
from glassrt.codegen.families.bottleneck.config import BottleneckConfig
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.dtypes import BF16, F16, F32, I32, DType
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.quantization import Dequantize, Quantize

from ...one_kernel import compare, draw_inputs, kernel_module
from ..chained.chains import request_of

NAME = "contraction_bottleneck"
LAST = channels_last(4)


@dataclass(frozen=True)
class Case:
    """An image of `channels`; columns of the convolution, of the first product and of the second, 0 without
    one; what is done with sums."""

    image: tuple[Dim, Dim, Dim]  # images, height, width
    channels: int
    middle: int
    n: int
    columns: int = 0
    dtype: DType = F16
    taps: tuple[int, int] = (3, 3)
    pads: tuple[int, int, int, int] = (1, 1, 1, 1)
    dilations: tuple[int, int] = (1, 1)
    residual: bool = True
    acts: tuple[type[Operation] | None, ...] = (Relu, Relu, Relu)

    @property
    def size(self) -> tuple[Dim, Dim]:
        """Height and width of the results."""
        y, x = (
            size + self.pads[axis] + self.pads[axis + 2] - (self.taps[axis] - 1) * self.dilations[axis]
            for axis, size in enumerate(self.image[1:])
        )
        return y, x

    def pixels(self, channels: int) -> TensorType:
        """An image of results."""
        return TensorType((self.image[0], channels, *self.size), self.dtype, LAST)

    def module(self, symbols: dict[str, SymbolRange] | None = None) -> Module:
        """The kernel."""
        x = TensorType((self.image[0], self.channels, *self.image[1:]), self.dtype, LAST)
        counts = [self.middle, self.n, *[self.columns] * (self.columns > 0)]
        inputs, deep, taps = [x], self.channels, self.taps
        for place, count in enumerate(counts):
            inputs.append(TensorType((count, deep, *taps), self.dtype, LAST))
            inputs += [TensorType((count, 1, 1), F32)] * 2
            inputs += [self.pixels(self.n)] * (place == 1 and self.residual)
            deep, taps = count, (1, 1)
        return kernel_module(self._body, inputs, [self.pixels(count) for count in counts[1:]], symbols)

    def _body(self, do: Callable[[Operation], Any], x: Any, *values: Any) -> tuple[Any, ...]:
        window: dict[str, Any] = {"pads": self.pads, "dilations": self.dilations}
        found, rest = [], list(values)
        for place in range(3 if self.columns else 2):
            w, scale, bias = rest[:3]
            count = 3 + (place == 1 and self.residual)
            sums = F32 if self.dtype.is_float else I32
            y = do(Conv(x, w, groups=1, accumulate=sums, strides=(1, 1), **window))
            x = self._finished(do, y, self.acts[place], scale, bias, *rest[3:count])
            x.type = x.type.with_layout(LAST)
            found.append(x)
            rest, window = rest[count:], {"pads": (0,) * 4, "dilations": (1, 1)}
        return tuple(found[1:])

    def _finished(
        self, do: Callable[[Operation], Any], y: Any, act: type[Operation] | None,
        scale: Any, bias: Any, *others: Any,
    ) -> Any:  # fmt: skip
        if not self.dtype.is_float:
            y = do(Mul(do(Cast(y, to=F32)), scale))
        y = do(Add(y, bias))
        for other in others:
            step = do(Constant(value=np.array(0.37, np.float32)))
            y = do(
                Add(y, do(Cast(other, to=F32) if self.dtype.is_float else Dequantize(other, step, to=F32)))
            )
        y = y if act is None else do(act(y))
        step = do(Constant(value=np.array(0.81, np.float32)))
        return do(Cast(y, to=self.dtype) if self.dtype.is_float else Quantize(y, step, to=self.dtype))


def block_of(case: Case) -> Bottleneck | str:
    """CASE as its kernels see it."""
    return find_bottleneck(request_of(case.module()))


def configured(config: BottleneckConfig) -> Callable[[Request], Candidate]:
    """A choice of CONFIG; copies of operands fall to others."""

    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:
            return candidates(request)[0]
        return Candidate(NAME, asdict(config), 1.0)

    return choose


def drawn(case: Case, module: Module, seed: int = 0, **sizes: int) -> dict[str, Any]:
    """Inputs of MODULE, which is CASE, whose sums stay near one, or all over the bytes."""
    given = draw_inputs(module, np.random.default_rng(seed), sizes)
    place, depth = 1, case.channels * case.taps[0] * case.taps[1]
    for part in range(3 if case.columns else 2):
        weights, scale, bias = (f"x{place + index}" for index in range(3))
        if case.dtype.is_float:
            given[weights] = (given[weights].astype(np.float32) * depth**-0.5).astype(given[weights].dtype)
        else:
            given[scale] = (given[scale] * np.float32(0.02 / depth**0.5)).astype(np.float32)
            given[bias] = (given[bias] * np.float32(20)).astype(np.float32)
        place += 3 + (part == 1 and case.residual)
        depth = (case.middle, case.n, case.columns)[part]
    return given


def check(
    case: Case, config: BottleneckConfig, device: str = "host", seed: int = 0, values: int = 0, **sizes: int
) -> None:
    """The kernel of CASE under CONFIG agrees with the interpreter; bytes, of more than so many VALUES, to the
    last bit."""
    module = case.module({name: SymbolRange(1, size, size) for name, size in sizes.items()})
    given = drawn(case, module, seed, **sizes)
    for got, want in compare(module, given, configured(config), device):
        if not case.dtype.is_float:
            np.testing.assert_array_equal(got, want)
            assert len(np.unique(want)) > values
            continue
        scale = np.maximum(np.abs(want.astype(np.float64)), 1)
        error = np.abs(got.astype(np.float64) - want.astype(np.float64)) / scale
        # A sum that is rounded the other way is off by a unit, and multiplied by others.
        assert error.max() <= (2.0**-6 if case.dtype is BF16 else 2.0**-8)
