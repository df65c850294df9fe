"""Importers of elementwise ops with two or more operands: arithmetic, comparison, logic, selection."""

from __future__ import annotations

from ...dialects.core.dtypes import F64
from ...dialects.core.ir import Operation
from ...dialects.graph import binary, elementwise
from .call import Call, Outcome
from .ops_elementwise import cast_to
from .table import Importer, Table
from .tensor import Tensor


def _binary(op_class: type[Operation]) -> Importer:
    def importer(call: Call) -> Outcome:
        return call.emit(op_class, call.input(0), call.input(1))

    return importer


def _chain(op_class: type[Operation]) -> Importer:
    """An importer of an associative op with any number of operands."""

    def importer(call: Call) -> Outcome:
        return _chained(call, op_class)

    return importer


def _chained(call: Call, op_class: type[Operation]) -> Tensor:
    first, *others = call.all_inputs()
    for other in others:
        first = call.emit(op_class, first, other)
    return first


def _mean(call: Call) -> Outcome:
    total = _chained(call, binary.Add)
    return call.emit(binary.Div, total, call.constant(float(len(call.inputs)), total.dtype))


def _pow(call: Call) -> Outcome:
    """The result has the type of the base; an integer raised to a float is computed in f64."""
    base, exponent = call.input(0), call.input(1)
    if base.dtype.is_integer and exponent.dtype.is_float:
        power = call.emit(binary.Pow, cast_to(call, base, F64), cast_to(call, exponent, F64))
        return cast_to(call, power, base.dtype)
    return call.emit(binary.Pow, base, cast_to(call, exponent, base.dtype))


def _mod(call: Call) -> Outcome:
    return call.emit(binary.Mod, call.input(0), call.input(1), fmod=call.flag("fmod"))


def _bit_shift(call: Call) -> Outcome:
    direction = call.choice("direction", "", {"LEFT": "left", "RIGHT": "right"})
    op_class = binary.ShiftLeft if direction == "left" else binary.ShiftRight
    return call.emit(op_class, call.input(0), call.input(1))


def _where(call: Call) -> Outcome:
    return call.emit(elementwise.Where, call.input(0), call.input(1), call.input(2))


_BINARY_OPS: dict[str, tuple[int, type[Operation]]] = {
    "Add": (7, binary.Add),
    "And": (7, binary.And),
    "BitwiseAnd": (18, binary.BitwiseAnd),
    "BitwiseOr": (18, binary.BitwiseOr),
    "BitwiseXor": (18, binary.BitwiseXor),
    "Div": (7, binary.Div),
    "Equal": (7, binary.Equal),
    "Greater": (7, binary.Greater),
    "GreaterOrEqual": (12, binary.GreaterEqual),
    "Less": (7, binary.Less),
    "LessOrEqual": (12, binary.LessEqual),
    "Mul": (7, binary.Mul),
    "Or": (7, binary.Or),
    "PRelu": (7, elementwise.Prelu),
    "Sub": (7, binary.Sub),
    "Xor": (7, binary.Xor),
}

TABLE: Table = {
    **{name: [(since, _binary(op_class))] for name, (since, op_class) in _BINARY_OPS.items()},
    "BitShift": [(11, _bit_shift)],
    "Max": [(6, _chain(binary.Max))],
    "Mean": [(6, _mean)],
    "Min": [(6, _chain(binary.Min))],
    "Mod": [(10, _mod)],
    "Pow": [(7, _pow)],
    "Sum": [(6, _chain(binary.Add))],
    "Where": [(9, _where)],
}
