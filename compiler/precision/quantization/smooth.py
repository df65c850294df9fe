"""smooth-activations: channels of what products read are scaled down, and their weights up.

    matmul(x, w)  =>  matmul(x / s, s * w)

The factors come with the calibration table, whose clips are those of x / s. They move to constants before x
where these can take them (`factors.py`): a norm's scale and bias, or the weights that make the values of an
attention. Where others read a norm's result, or a function is before it, x is multiplied in the kernel that
makes it. Otherwise the tensor stays as it is. All of that depends on the network alone, so that the network
which is calibrated and the one that is built are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....dialects.core.dtypes import F32
from ....dialects.core.ir import Value
from ....dialects.core.module import Module
from ....dialects.core.traits import Trait, has
from ....dialects.graph.binary import Mul
from ....dialects.graph.constants import constant
from ....dialects.graph.contraction import Matmul
from ....errors import CalibrationError
from ...passes.ledger import Figure, Record, Verdict
from ...passes.manager import PassContext
from ...patterns.matching import constant_array
from ..scales.names import tensor_names
from .factors import Scaled, scaled_before
from .kept_floats import NORMS

Array = np.ndarray[Any, Any]
STAYS = "nothing before it can take the factors"


class SmoothActivations:
    """Applies the factors of the context's calibration table; does nothing without any."""

    name = "smooth-activations"

    def run(self, module: Module, context: PassContext) -> Module:
        apply_smoothing(module, context.smoothing, context)
        return module


def apply_smoothing(module: Module, smoothing: Mapping[str, Array], context: PassContext) -> None:
    """Scale the tensors of MODULE that SMOOTHING names down by two to the power of its exponents.

    Raises CalibrationError for a tensor that no product with weights reads, or of another size.
    """
    if not smoothing:
        return
    known = {name: value for value, name in tensor_names(module.main).items()}
    for name, exponents in smoothing.items():
        value = known.get(name)
        readers = [] if value is None else smoothed_readers(value, module)
        if value is None or not readers or value.type.shape[-1] != len(exponents):
            message = f"the calibration table smooths '{name}', which no product of this model reads so"
            raise CalibrationError(message, "calibrate the model anew")
        _smooth(module, value, readers, np.ldexp(1.0, exponents), context)


def smoothed_readers(value: Value, module: Module) -> list[Matmul]:
    """The products of VALUE with constant weights, whose rows are its channels."""
    return [
        user
        for user in dict.fromkeys(value.users)
        if isinstance(user, Matmul)
        and user.a is value
        and user.b is not value
        and not user.transpose_a
        and value.type.dtype == F32
        and value.block is module.main.block
        and isinstance(value.type.shape[-1], int)
        and constant_array(user.b, module) is not None
        and user.b.type.rank > 1
    ]


def rows_of(op: Matmul, module: Module) -> Array:
    """The weights of OP as [.., channels of its first operand, columns]."""
    weights = constant_array(op.b, module)
    assert weights is not None
    return weights.swapaxes(-1, -2) if op.transpose_b else weights


def _smooth(
    module: Module, value: Value, readers: list[Matmul], factors: Array, context: PassContext
) -> None:
    alone = set(value.users) <= set(readers)
    down = (1 / factors).reshape((1,) * (value.type.rank - 1) + (-1,))
    changes = scaled_before(value, down, module) if alone else None
    maker = value.producer
    nodes = tuple(dict.fromkeys(node for op in readers for node in op.location.nodes))
    figures = _figures(factors)
    if changes is None and not (isinstance(maker, NORMS) or (alone and has(maker, Trait.ELEMENTWISE))):
        context.ledger.append(
            Record(SmoothActivations.name, (Matmul.name,), nodes, Verdict.REFUSED, STAYS, figures)
        )
        return
    if changes is None:
        assert maker is not None and maker.parent is not None
        number = maker.parent.insert_before(maker.next, constant(module, down.reshape(-1).astype(np.float32)))
        scaled = maker.parent.insert_before(number.next, Mul(value, number.result, loc=maker.location)).result
        for op in readers:
            op.set_operand(0, scaled)
        reason = "channels are scaled down where the tensor is made, and their weights up"
    else:
        for change in changes:
            change.apply(module)
        took = ", ".join(dict.fromkeys(change.op.name.removeprefix("graph.") for change in changes))
        reason = f"channels are scaled down by constants of {took}, and their weights up"
    for op in readers:
        up = rows_of(op, module) * factors[:, None]
        Scaled(op, 1, up.swapaxes(-1, -2) if op.transpose_b else up).apply(module)
    context.ledger.append(
        Record(SmoothActivations.name, (Matmul.name,), nodes, Verdict.TAKEN, reason, figures)
    )


def _figures(factors: Array) -> dict[str, Figure]:
    return {
        "channels": len(factors),
        "channels_scaled": int(np.count_nonzero(factors != 1)),
        "largest_factor": float(factors.max()),
    }
