"""Weights of recurrent ops in eight bits, where the policy asks for these.

    lstm(x, w)  =>  lstm(x, w / s in eight bits, s), with a scale for each row

States are multiplied in f16, since they would be rounded anew at every step. More weights stay in the blocks
then, but each is widened at every step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...dialects.core.dtypes import F32, I8, DType
from ...dialects.core.ir import Operation
from ...dialects.core.module import Module
from ...dialects.graph.constants import constant
from ...dialects.graph.recurrence import Recurrence
from ..patterns.matching import constant_array

Array = np.ndarray[Any, Any]
LARGEST = {"int8": 127.0, "fp8": 448.0}  # of the numbers of a format


def with_bytes(op: Recurrence, form: str, dtype: DType, module: Module) -> Recurrence | None:
    """OP with weights in FORM, of DTYPE, inserted before it; None where its weights are no constant of
    f32, or not finite."""
    weights = constant_array(op.weights, module)
    if weights is None or weights.dtype != F32.numpy or not np.isfinite(weights).all():
        return None
    scales = _scales(weights, LARGEST[form])
    scaled = (weights / scales[:, :, None]).astype(np.float32)
    stored = (np.rint(scaled) if dtype == I8 else scaled).astype(dtype.numpy)
    given = {field.name: getattr(op, field.name) for field in op.spec.operands}
    anchor = op.parent
    assert anchor is not None
    for name, array in (("weights", stored), ("scales", scales)):
        given[name] = anchor.insert_before(op, constant(module, array, op.location)).result
    attributes = {name: value for name, value in op.attributes.items() if value is not None}
    made = type(op)(*given.values(), loc=op.location, **attributes)
    anchor.insert_before(op, made)
    return made


def _scales(weights: Array, largest: float) -> Array:
    """The scale of each row of WEIGHTS, by which its largest magnitude is LARGEST.

    It is a normal number: smaller ones have too few digits, and the least of them are zeros.
    """
    most = np.abs(weights.astype(np.float64)).max(axis=2, initial=0.0)
    scales: Array = np.maximum(most / largest, np.finfo(np.float32).tiny).astype(np.float32)
    return scales


def discard(made: Recurrence) -> None:
    """Erase MADE, which `with_bytes` has made, and its constants."""
    sources: list[Operation] = [value.producer for value in made.exact if value.producer is not None]
    for op in (made, *sources):
        op.erase()
