"""Inverted residuals as one kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.inverted_residual.block import InvertedResidual, find_block
from glassrt.codegen.families.inverted_residual.extents import InvertedConfig
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Candidate, Request
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.dtypes import BF16, F16, F32, DType
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast, Clip
from glassrt.dialects.graph.unary import Sigmoid

from ...one_kernel import compare, draw_inputs, kernel_module

NAME = "contraction_inverted_residual"


@dataclass(frozen=True)
class Case:
    """Images; channels of the input, expanded, and of the result; the window; what is done with sums."""

    images: Dim
    depth: int
    channels: int
    columns: int
    size: tuple[int, int] = (9, 11)
    taps: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (1, 1, 1, 1)
    dtype: DType = F16
    expands: bool = True
    residual: bool = False
    activation: type[Operation] | None = Relu
    to: DType | None = None

    @property
    def out(self) -> tuple[int, int]:
        """Height and width of the result."""
        sizes = (self.size[axis] + self.pads[axis] + self.pads[axis + 2] for axis in (0, 1))
        height, width = (
            (size - taps) // stride + 1
            for size, taps, stride in zip(sizes, self.taps, self.strides, strict=True)
        )
        return height, width


def module_of(case: Case, symbols: dict[str, SymbolRange] | None = None) -> Module:
    """CASE as a module of one kernel."""

    def image(channels: int, size: tuple[int, int], dtype: DType) -> TensorType:
        return TensorType((case.images, channels, *size), dtype).with_layout(channels_last(4))

    def weights(*shape: int) -> list[TensorType]:
        return [TensorType(shape, case.dtype), TensorType((shape[0], 1, 1), F32)]

    last = image(case.columns, case.out, case.to or case.dtype)
    inputs = [image(case.depth, case.size, case.dtype)]
    inputs += weights(case.channels, case.depth, 1, 1) if case.expands else []
    inputs += weights(case.channels, 1, *case.taps) + weights(case.columns, case.channels, 1, 1)
    inputs += [image(case.columns, case.out, case.dtype)] if case.residual else []

    def body(do: Any, *values: Any) -> Any:
        x, *rest = values

        def conv(x: Any, activation: Any, to: DType, beside: Any = None, **window: Any) -> Any:
            w, along = rest[:2]
            del rest[:2]
            same: dict[str, Any] = {"pads": (0,) * 4, "strides": (1, 1), "dilations": (1, 1), "groups": 1}
            y = do(Add(do(Conv(x, w, **{**same, **window}, accumulate=F32)), along))
            y = y if beside is None else do(Add(do(Cast(beside, to=F32)), y))
            ends = (0, 6) if activation is Clip else ()
            bounds = [do(Constant(value=np.array(end, np.float32))) for end in ends]
            return do(Cast(y if activation is None else do(activation(y, *bounds)), to=to))

        if case.expands:
            x = conv(x, case.activation, case.dtype)
        window = {"pads": case.pads, "strides": case.strides, "groups": case.channels}
        x = conv(x, case.activation, case.dtype, **window)
        made = conv(x, None, case.to or case.dtype, values[-1] if case.residual else None)
        made.type = last
        return made

    return kernel_module(body, inputs, [last], symbols)


def configured(config: InvertedConfig) -> Callable[[Request], Candidate]:
    """A choice of CONFIG; copies of operands fall to others."""

    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:
            return candidates(request)[0]
        return Candidate(NAME, asdict(config), 1.0)

    return choose


class _Asked(Exception):
    """A request has been made."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request


def request_of(module: Module) -> Request:
    """The request for the only kernel of MODULE that is no copy; no other family might take it."""

    def choose(request: Request) -> Candidate:
        if [op.name for op in request.ops] == ["graph.cast"]:
            return candidates(request)[0]
        raise _Asked(request)

    try:
        precision_to_launch(module, REFERENCE, choose)
    except _Asked as asked:
        return asked.request
    raise AssertionError("there is no kernel")


def block_of(request: Request) -> InvertedResidual | str:
    """REQUEST as kernels of inverted residuals see it."""
    return find_block(request)


def check(case: Case, config: InvertedConfig, device: str = "host", seed: int = 0, **sizes: int) -> None:
    """The kernel of CASE under CONFIG agrees with the interpreter."""
    most = {name: max(size, 1) for name, size in sizes.items()}
    module = module_of(case, {name: SymbolRange(min(sizes[name], 1), n, n) for name, n in most.items()})
    given = draw_inputs(module, np.random.default_rng(seed), sizes)
    for name, array in given.items():
        if name != "x0" and array.ndim > 1 and array.shape[1] > 1:
            given[name] = (array.astype(np.float32) * array.shape[1] ** -0.5).astype(array.dtype)
    for got, want in compare(module, given, configured(config), device):
        scale = np.maximum(np.abs(want.astype(np.float64)), 1)
        error = np.abs(got.astype(np.float64) - want.astype(np.float64)) / scale
        assert error.max(initial=0) <= (2.0**-6 if case.dtype is BF16 else 2.0**-8)


ACTIVATIONS: tuple[type[Operation] | None, ...] = (None, Relu, Clip, Sigmoid)
