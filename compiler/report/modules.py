"""Modules for the interpreter: a model brought to a level, or the launch level of a plan with its weights."""

from __future__ import annotations

import numpy as np

from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.dtypes import DTYPES
from ...dialects.core.module import Module
from ...dialects.core.parser import parse_module
from ...dialects.core.types import TensorType
from ...dialects.core.verifier import verify
from ...dialects.launch_memory import Buffer
from ...errors import IRError, PlanError
from ...runtime.manifest import BufferSpec
from ...runtime.plan import Plan
from ..files.arrays import Array
from ..passes.levels import ALL_DIALECTS


def launch_module(plan: Plan) -> Module:
    """The launch level of PLAN with its weights. Raises PlanError where text and weights do not match."""
    try:
        module = parse_module(plan.ir("launch"), ALL_DIALECTS, file="launch.ir")
        verify(module, ALL_DIALECTS)
    except IRError as error:
        raise PlanError.of(error.diagnostic.within("the plan's launch level is damaged")) from None
    buffers = [op for op in module.walk() if isinstance(op, Buffer) and op.space == "weights"]
    places = [buffer for buffer in plan.spec.buffers.values() if buffer.space == "weights"]
    if len(buffers) != len(places):
        raise PlanError(f"the plan has {len(places)} weights, but its launch level has {len(buffers)}")
    for buffer, place in zip(buffers, places, strict=True):
        array = _weight(plan, buffer.result.type, place)
        if module.resources.add(array) != buffer.weight:
            raise PlanError(f"the plan's weight @{buffer.weight} does not match its hash")
    for name, default in plan.spec.defaults.items():
        if module.resources.add(default.within(plan.weights)) != module.defaults.get(name):
            raise PlanError(f"the plan's default of the input '{name}' does not match its hash")
    return module


def _weight(plan: Plan, type: TensorType, place: BufferSpec) -> Array:
    """A weight in its logical shape; the plan stores it in the order of its layout."""
    shape = [evaluate(dim, {}) for dim in type.shape]
    start, size = place.offset, place.bytes
    if not isinstance(start, int) or size != evaluate(type.bytes, {}):
        raise PlanError(f"the size of the plan's weight {place.name} does not match its type")
    data = np.frombuffer(plan.weights, np.uint8, int(size), start)
    packed = data.view(DTYPES[type.dtype.name].numpy).reshape([shape[axis] for axis in type.order])
    return np.ascontiguousarray(packed.transpose(np.argsort(type.order))).reshape(shape)
