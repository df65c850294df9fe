"""Importers of elementwise ops with one operand, casts and clipping."""

from __future__ import annotations

from ...dialects.core.dtypes import F8E8M0, FLOATS8, DType
from ...dialects.core.ir import Operation
from ...dialects.graph import activations, elementwise, trigonometric, unary
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.small_floats import ROUND_MODES
from .call import Call, Outcome
from .problems import Malformed
from .table import Importer, Table
from .tensor import Tensor
from .weights import element_type

_F32_LOWEST, _F32_LARGEST = -3.4028234663852886e38, 3.4028234663852886e38


def of_one_operand(op_class: type[Operation], **defaults: float) -> Importer:
    """An op of one operand; its attributes, if any, are numbers with these defaults."""

    def importer(call: Call) -> Outcome:
        values = {name: call.number(name, default) for name, default in defaults.items()}
        return call.emit(op_class, call.input(0), **values)

    return importer


def _isinf(call: Call) -> Outcome:
    return call.emit(
        unary.Isinf,
        call.input(0),
        positive=call.flag("detect_positive", True),
        negative=call.flag("detect_negative", True),
    )


def _gelu(call: Call) -> Outcome:
    form = call.choice("approximate", "none", {"none": "none", "tanh": "tanh"})
    return call.emit(activations.Gelu, call.input(0), approximate=form)


def _cast(call: Call) -> Outcome:
    return _saturating(call, element_type(call.integer("to", 0)))


def _bit_cast(call: Call) -> Outcome:
    return call.emit(elementwise.BitCast, call.input(0), to=element_type(call.integer("to", 0)))


def _cast_like(call: Call) -> Outcome:
    return _saturating(call, call.input(1).dtype)


def _saturating(call: Call, dtype: DType) -> Tensor:
    x, stated = call.input(0), dict[str, object]()
    if dtype not in (*FLOATS8, F8E8M0):
        call.without_effect("saturate")
    elif not call.flag("saturate", True):
        stated["saturate"] = False
    if dtype != F8E8M0:
        call.without_effect("round_mode")
    else:
        stated["round_mode"] = call.choice("round_mode", "up", {mode: mode for mode in ROUND_MODES})
    return x if x.dtype == dtype else call.emit(elementwise.Cast, x, to=dtype, **stated)


def cast_to(call: Call, x: Tensor, dtype: DType) -> Tensor:
    """X cast to DTYPE; X itself if it has that type."""
    return x if x.dtype == dtype else call.emit(elementwise.Cast, x, to=dtype)


def _clip_attributes(call: Call) -> Outcome:
    x = call.input(0)
    low, high = call.number("min", _F32_LOWEST), call.number("max", _F32_LARGEST)
    bounds = [
        None if value == default else call.constant(value, x.dtype)
        for value, default in ((low, _F32_LOWEST), (high, _F32_LARGEST))
    ]
    return _clipped(call, x, bounds[0], bounds[1])


def _clip(call: Call) -> Outcome:
    return _clipped(call, call.input(0), _bound(call, 1), _bound(call, 2))


def _bound(call: Call, index: int) -> Tensor | None:
    bound = call.optional(index)
    if bound is None or bound.rank == 0:
        return bound
    if bound.type.elements != 1:
        raise Malformed("its bounds must be scalars")
    return call.emit(Reshape, bound, shape=())


def _clipped(call: Call, x: Tensor, low: Tensor | None, high: Tensor | None) -> Tensor:
    return x if low is None and high is None else call.emit(elementwise.Clip, x, low, high)


_PLAIN_OPS: dict[str, type[Operation]] = {
    "Abs": unary.Abs,
    "Acos": trigonometric.Acos,
    "Acosh": trigonometric.Acosh,
    "Asin": trigonometric.Asin,
    "Asinh": trigonometric.Asinh,
    "Atan": trigonometric.Atan,
    "Atanh": trigonometric.Atanh,
    "BitwiseNot": unary.BitwiseNot,
    "Ceil": unary.Ceil,
    "Cos": trigonometric.Cos,
    "Cosh": trigonometric.Cosh,
    "Erf": unary.Erf,
    "Exp": unary.Exp,
    "Floor": unary.Floor,
    "HardSwish": activations.HardSwish,
    "IsNaN": unary.Isnan,
    "Log": unary.Log,
    "Mish": activations.Mish,
    "Neg": unary.Neg,
    "Not": unary.Not,
    "Reciprocal": unary.Reciprocal,
    "Relu": activations.Relu,
    "Round": unary.Round,
    "Sigmoid": unary.Sigmoid,
    "Sign": unary.Sign,
    "Sin": trigonometric.Sin,
    "Sinh": trigonometric.Sinh,
    "Softplus": activations.Softplus,
    "Softsign": activations.Softsign,
    "Sqrt": unary.Sqrt,
    "Tan": trigonometric.Tan,
    "Tanh": trigonometric.Tanh,
}

TABLE: Table = {
    **{name: [(1, of_one_operand(op_class))] for name, op_class in _PLAIN_OPS.items()},
    "BitCast": [(26, _bit_cast)],
    "Cast": [(6, _cast)],
    "CastLike": [(15, _cast_like)],
    "Celu": [(12, of_one_operand(activations.Celu, alpha=1.0))],
    "Clip": [(6, _clip_attributes), (11, _clip)],
    "Elu": [(6, of_one_operand(activations.Elu, alpha=1.0))],
    "Gelu": [(20, _gelu)],
    "HardSigmoid": [(6, of_one_operand(activations.HardSigmoid, alpha=0.2, beta=0.5))],
    "IsInf": [(10, _isinf)],
    "LeakyRelu": [(6, of_one_operand(activations.LeakyRelu, alpha=0.01))],
    "Selu": [(6, of_one_operand(activations.Selu, alpha=1.6732631921768188, gamma=1.0507010221481323))],
    "Shrink": [(9, of_one_operand(activations.Shrink, lambd=0.5, bias=0.0))],
    "Swish": [(24, of_one_operand(activations.Swish, alpha=1.0))],
    "ThresholdedRelu": [(10, of_one_operand(activations.ThresholdedRelu, alpha=1.0))],
}
