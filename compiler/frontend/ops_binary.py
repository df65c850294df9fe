"""Importers of elementwise ops of two and more operands: arithmetic, comparison, logic, selection."""

from __future__ import annotations

from ...dialects.core.dtypes import F64
from ...dialects.core.ir import Operation
from ...dialects.graph import elementwise as e
from .call import Call, Outcome
from .ops_elementwise import cast_to
from .table import Importer, Table
from .tensor import Tensor


def _binary(op_class: type[Operation]) -> Importer:
    def importer(call: Call) -> Outcome:
        return call.emit(op_class, call.input(0), call.input(1))

    return importer


def _chain(op_class: type[Operation]) -> Importer:
    """An associative op of any number of operands."""

    def importer(call: Call) -> Outcome:
        return _chained(call, op_class)

    return importer


def _chained(call: Call, op_class: type[Operation]) -> Tensor:
    first, *others = call.all_inputs()
    for other in others:
        first = call.emit(op_class, first, other)
    return first


def _mean(call: Call) -> Outcome:
    total = _chained(call, e.Add)
    return call.emit(e.Div, total, call.constant(float(len(call.inputs)), total.dtype))


def _pow(call: Call) -> Outcome:
    """The result has the type of the base; an integer raised to a float is computed in f64."""
    base, exponent = call.input(0), call.input(1)
    if base.dtype.is_integer and exponent.dtype.is_float:
        power = call.emit(e.Pow, cast_to(call, base, F64), cast_to(call, exponent, F64))
        return cast_to(call, power, base.dtype)
    return call.emit(e.Pow, base, cast_to(call, exponent, base.dtype))


def _mod(call: Call) -> Outcome:
    return call.emit(e.Mod, call.input(0), call.input(1), fmod=call.flag("fmod"))


def _bit_shift(call: Call) -> Outcome:
    direction = call.choice("direction", "", {"LEFT": "left", "RIGHT": "right"})
    op_class = e.ShiftLeft if direction == "left" else e.ShiftRight
    return call.emit(op_class, call.input(0), call.input(1))


def _where(call: Call) -> Outcome:
    return call.emit(e.Where, call.input(0), call.input(1), call.input(2))


_BINARY_OPS: dict[str, tuple[int, type[Operation]]] = {
    "Add": (7, e.Add),
    "And": (7, e.And),
    "BitwiseAnd": (18, e.BitwiseAnd),
    "BitwiseOr": (18, e.BitwiseOr),
    "BitwiseXor": (18, e.BitwiseXor),
    "Div": (7, e.Div),
    "Equal": (7, e.Equal),
    "Greater": (7, e.Greater),
    "GreaterOrEqual": (12, e.GreaterEqual),
    "Less": (7, e.Less),
    "LessOrEqual": (12, e.LessEqual),
    "Mul": (7, e.Mul),
    "Or": (7, e.Or),
    "PRelu": (7, e.Prelu),
    "Sub": (7, e.Sub),
    "Xor": (7, e.Xor),
}

TABLE: Table = {
    **{name: [(since, _binary(op_class))] for name, (since, op_class) in _BINARY_OPS.items()},
    "BitShift": [(11, _bit_shift)],
    "Max": [(6, _chain(e.Max))],
    "Mean": [(6, _mean)],
    "Min": [(6, _chain(e.Min))],
    "Mod": [(10, _mod)],
    "Pow": [(7, _pow)],
    "Sum": [(6, _chain(e.Add))],
    "Where": [(9, _where)],
}
