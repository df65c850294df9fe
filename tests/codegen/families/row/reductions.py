"""Reductions of rows, and the ways to divide them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import F16, F32, DType
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.reduction import ArgReduce, Reduce
from glassrt.dialects.graph.unary import Abs, Log, Sqrt

from ...one_kernel import kernel_module, plan_of

SYMBOLS = {"N": SymbolRange(1, 3, 9), "L": SymbolRange(1, 500, 3000)}


def tensor(*shape: Any, dtype: DType = F32) -> TensorType:
    return TensorType(shape, dtype)


def one(do: Callable[..., Any], kind: str, x: Any, axis: int) -> Any:
    """KIND of X along AXIS, which is kept; f16 is added up in f32, as a network's kernels do."""

    def reduced(kind: str, x: Any) -> Any:
        return do(Reduce(x, kind=kind, axes=[axis], keepdims=True))

    if kind.startswith("arg"):
        return do(ArgReduce(x, kind=kind[3:], axis=axis, keepdims=True, select_last=False))
    wide = do(Cast(x, to=F32)) if x.type.dtype == F16 else x
    match kind:
        case "l1":
            made = reduced("sum", do(Abs(wide)))
        case "l2":
            made = do(Sqrt(reduced("sum", do(Mul(wide, wide)))))
        case "logsum":
            made = do(Log(reduced("sum", do(Abs(wide)))))
        case _:
            made = reduced(kind, wide)
    return do(Cast(made, to=F16)) if x.type.dtype == F16 else made


def chosen(body: Callable[..., Any], type: TensorType) -> Candidate:
    """The candidate that the cost model prefers for BODY of one operand."""
    found: list[Candidate] = []

    def choose(request: Request) -> Candidate:
        found.append(candidates(request)[0])
        return found[0]

    plan_of(kernel_module(body, [type], None, SYMBOLS), choose)
    return found[0]


def split_by(splits: int, workers: int = 0) -> Callable[[Request], Candidate]:
    """The row family with every row given to SPLITS blocks, whatever it costs."""

    def choose(request: Request) -> Candidate:
        config = dict(families()["row"].propose(request)[0].config)
        if workers:
            config |= {"rows": 64 // workers, "workers": workers}
        return Candidate("row", {**config, "splits": splits}, 0.0)

    return choose
