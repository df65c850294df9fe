"""Two contractions in a chain, in f16 or bytes, as one kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.chained.chain import ContractionChain, find_chain
from glassrt.codegen.families.chained.config import ChainedConfig
from glassrt.codegen.families.registry import candidates
from glassrt.codegen.request.request import Candidate, Request
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.dtypes import BF16, F16, F32, I8, I32, DType
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.unary import Sigmoid

from ...one_kernel import compare, draw_inputs, kernel_module

NAME = "contraction_chained"


@dataclass(frozen=True)
class Case:
    """Rows, terms, columns of the first result and of the second; what is done with sums."""

    m: Dim
    k: int
    n: int
    columns: int
    dtype: DType = F16
    residual: bool = True
    bias: bool = True
    first: type[Operation] | None = Relu
    second: type[Operation] | None = Relu
    image: tuple[int, int] | None = None  # height and width of pixels, instead of rows


def module_of(case: Case, symbols: dict[str, SymbolRange] | None = None) -> Module:
    """CASE as a module of one kernel."""

    def shaped(rows: Dim, depth: int) -> tuple[Dim, ...]:
        return (rows, depth) if case.image is None else (rows, depth, *case.image)

    def typed(rows: Dim, depth: int) -> TensorType:
        layout = None if case.image is None else channels_last(4)
        plain = TensorType(shaped(rows, depth), case.dtype)
        return plain if layout is None else plain.with_layout(layout)

    def weights(columns: int, depth: int) -> TensorType:
        shape = (columns, depth) if case.image is None else (columns, depth, 1, 1)
        return TensorType(shape, case.dtype)

    def along(columns: int) -> list[TensorType]:
        count = 2 if case.dtype is I8 else int(case.bias)
        return [TensorType((columns,) if case.image is None else (columns, 1, 1), F32)] * count

    middle, last = typed(case.m, case.n), typed(case.m, case.columns)
    inputs = [typed(case.m, case.k), weights(case.n, case.k), *along(case.n), *[middle] * case.residual]
    inputs += [weights(case.columns, case.n), *along(case.columns)]

    def product(do: Any, a: Any, b: Any) -> Any:
        accumulate = I32 if case.dtype is I8 else F32
        if case.image is None:
            return do(Matmul(a, b, transpose_b=True, accumulate=accumulate))
        same = {"pads": (0,) * 4, "strides": (1, 1), "dilations": (1, 1), "groups": 1}
        return do(Conv(a, b, **same, accumulate=accumulate))

    def finished(
        do: Any, y: Any, operands: Sequence[Any], act: type[Operation] | None, to: TensorType
    ) -> Any:
        if case.dtype is I8:
            y = do(Mul(do(Cast(y, to=F32)), operands[0]))
            operands = operands[1:]
        for each in operands:
            y = do(Add(y, each if each.type.dtype is F32 else do(Cast(each, to=F32))))
        made = do(Cast(y if act is None else do(act(y)), to=case.dtype))
        made.type = to
        return made

    def body(do: Any, *values: Any) -> Any:
        count = 2 + len(along(case.n)) + case.residual
        x, w, *beside = values[:count]
        y = finished(do, product(do, x, w), beside, case.first, middle)
        v, *others = values[count:]
        return y, finished(do, product(do, y, v), others, case.second, last)

    return kernel_module(body, inputs, [middle, last], symbols)


def configured(config: ChainedConfig) -> Callable[[Request], Candidate]:
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


def chain_of(case: Case) -> ContractionChain | str:
    """CASE as chained kernels see it."""
    return find_chain(request_of(module_of(case)))


def check(case: Case, config: ChainedConfig, device: str = "host", seed: int = 0, **sizes: int) -> None:
    """The kernel of CASE under CONFIG agrees with the interpreter."""
    symbols = {name: SymbolRange(1, size, size) for name, size in sizes.items()}
    module = module_of(case, symbols)
    given = draw_inputs(module, np.random.default_rng(seed), sizes)
    for name, array in given.items():
        if array.dtype == np.float32 and case.dtype is I8:
            given[name] = array * np.float32(0.02)
        elif array.dtype != np.int8 and name != "x0" and array.ndim > 1 and array.shape[1] > 1:
            given[name] = (array.astype(np.float32) * array.shape[1] ** -0.5).astype(array.dtype)
    for got, want in compare(module, given, configured(config), device):
        if case.dtype is I8:
            np.testing.assert_array_equal(got, want)
            continue
        scale = np.maximum(np.abs(want.astype(np.float64)), 1)
        error = np.abs(got.astype(np.float64) - want.astype(np.float64)) / scale
        assert error.max() <= (2.0**-7 if case.dtype is BF16 else 2.0**-9)


ACTIVATIONS: tuple[type[Operation] | None, ...] = (None, Relu, Sigmoid)
