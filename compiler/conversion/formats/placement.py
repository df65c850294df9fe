"""Values of the precision level, and the conversions between the forms they are wanted in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....dialects.core.builtin import Yield
from ....dialects.core.dtypes import DType
from ....dialects.core.ir import Block, Function, Module, Operation, Region, Value
from ....dialects.core.location import UNKNOWN, Location
from ....dialects.core.types import ROW_MAJOR, Layout, TensorType
from ....dialects.graph.constants import INLINE_ELEMENTS, Constant
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.movement import Pad, Reshape
from ....dialects.precision import Kernel
from ...ledger import Verdict
from ...passes import PassContext
from ..views.strided import same_memory
from .region import channel_pads

STORED_ALREADY = "stored-already"

Array = np.ndarray[Any, Any]


class Placement:
    """Builds the new function; every form of a value is made once and then shared."""

    def __init__(self, module: Module, function: Function, context: PassContext) -> None:
        self.module = module
        self.function = function
        self._context = context
        self._forms: dict[tuple[Value, TensorType], Value] = {}
        self._constants: dict[tuple[Value, DType, Layout, int], Value] = {}

    def append(self, op: Operation) -> Value:
        self.function.block.append(op)
        return op.result

    def note(self, rule: str, reason: str, op: str, nodes: tuple[str, ...]) -> None:
        """Record that RULE was applied to OP."""
        self._context.ledger.add(rule, Verdict.TAKEN, reason, ops=(op,), nodes=nodes)

    # ------------------------------------------------------------ constants

    def constant(self, old: Value, dtype: DType, layout: Layout = ROW_MAJOR, channels: int = 0) -> Value:
        """The constant OLD stored as DTYPE in LAYOUT, with CHANNELS more zeros along axis 1."""
        key = (old, dtype, layout, channels)
        if key not in self._constants:
            producer = old.producer
            assert isinstance(producer, Constant)
            array = producer.array(self.module)
            if channels:
                array = np.pad(array, [(0, channels if axis == 1 else 0) for axis in range(array.ndim)])
            array = array.astype(dtype.numpy, copy=False)
            type = TensorType(array.shape, dtype, layout)
            where: dict[str, Any] = {"value": array}
            if array.size > INLINE_ELEMENTS:
                where = {"weight": self.module.resources.add(array)}
            value = self.append(Constant(types=[type], loc=producer.location, **where))
            value.hint = old.hint
            self._constants[key] = value
        return self._constants[key]

    # ------------------------------------------------------------ forms

    def form(self, value: Value, wanted: TensorType) -> Value:
        """VALUE stored as WANTED: itself, a view where the bytes are the same, or a conversion."""
        if value.type == wanted:
            return value
        key = (value, wanted)
        if key not in self._forms:
            same_bytes = value.type.dtype == wanted.dtype and value.type.shape == wanted.shape
            if same_bytes and same_memory(value.type, wanted):
                self._forms[key] = self.view(value, wanted)
            else:
                self._forms[key] = self._conversion(value, wanted)
        return self._forms[key]

    def view(self, value: Value, type: TensorType) -> Value:
        """VALUE's bytes seen as TYPE."""
        return self.append(Reshape(value, shape=type.shape, types=[type], loc=_location(value)))

    def _conversion(self, value: Value, wanted: TensorType) -> Value:
        """A kernel that copies VALUE into another element type, layout or number of channels."""
        block = Block([value.type])
        inner: Value = block.arguments[0]
        if wanted.shape != value.type.shape:
            inner = block.append(Pad(inner, pads=channel_pads(value.type, wanted))).result
            inner.type = inner.type.with_layout(ROW_MAJOR)
        if inner.type.dtype != wanted.dtype or inner is block.arguments[0]:
            inner = block.append(Cast(inner, to=wanted.dtype)).result
            inner.type = inner.type.with_layout(ROW_MAJOR)
        block.append(Yield(inner))
        reason = f"{value.type} is wanted as {wanted}"
        nodes = _location(value).nodes
        self._context.ledger.add("storage-conversion", Verdict.TAKEN, reason, ops=(Kernel.name,), nodes=nodes)
        kernel = Kernel(
            value,
            types=[wanted],
            regions=[Region(block)],
            root="loop",
            requested=wanted.dtype,
            compute=wanted.dtype,
            accumulate=wanted.dtype,
            why=reason,
            loc=_location(value),
        )
        return self.append(kernel)


def _location(value: Value) -> Location:
    return value.producer.location if value.producer is not None else UNKNOWN
