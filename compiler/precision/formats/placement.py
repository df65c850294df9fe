"""Creates the stored forms of values at the precision level, with conversions to the types and layouts that
consumers need."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....codegen.interface import executed
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.builtin import Yield
from ....dialects.core.dtypes import DType
from ....dialects.core.ir import Block, Operation, Region, Value
from ....dialects.core.location import UNKNOWN, Location
from ....dialects.core.module import Module
from ....dialects.core.types import ROW_MAJOR, Layout, TensorType
from ....dialects.graph.constants import INLINE_ELEMENTS, Constant
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.movement.pad import Pad
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.precision import PrecisionKernel
from ....dialects.roots import Root
from ...passes.ledger import Verdict
from ...passes.manager import PassContext
from ...patterns.strided import same_memory
from .region import channel_pads

STORED_ALREADY = "stored-already"
STORE_CONVERSION = "store-conversion"


class Placement:
    """A new block under construction. Each form (type and layout) of a value is created once and then
    shared."""

    def __init__(self, module: Module, block: Block, context: PassContext) -> None:
        self.module = module
        self.block = block
        self._context = context
        self._forms: dict[tuple[Value, TensorType], Value] = {}
        self._constants: dict[tuple[Value, DType, Layout, int], Value] = {}

    def append(self, op: Operation) -> Value:
        self.block.append(op)
        return op.result

    def note(self, rule: str, reason: str, op: str, nodes: tuple[str, ...]) -> None:
        """Record that RULE was applied to OP."""
        self._context.ledger.add(rule, Verdict.TAKEN, reason, ops=(op,), nodes=nodes)

    # ------------------------------------------------------------ constants

    def constant(self, old: Value, dtype: DType, layout: Layout = ROW_MAJOR, channels: int = 0) -> Value:
        """The constant OLD stored as DTYPE in LAYOUT, padded with CHANNELS zeros along axis 1."""
        key = (old, dtype, layout, channels)
        if key not in self._constants:
            producer = old.producer
            assert isinstance(producer, Constant)
            array = producer.array(self.module)
            if channels:
                array = np.pad(array, [(0, channels if axis == 1 else 0) for axis in range(array.ndim)])
            with np.errstate(all="ignore"):
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

    def form(self, value: Value, wanted: TensorType, reader: Location, *, alone: bool = False) -> Value:
        """VALUE stored as WANTED: itself, a view where the bytes are the same, or a conversion.

        READER is the location of the consumer; a conversion of a value that no op computes takes it. ALONE:
        that consumer is the only one to read VALUE in any form.
        """
        if value.type == wanted:
            return value
        key = (value, wanted)
        if key not in self._forms:
            same_bytes = value.type.dtype == wanted.dtype and value.type.shape == wanted.shape
            if same_bytes and same_memory(value.type, wanted):
                self._forms[key] = self.view(value, wanted)
            elif alone and self._stored_by_maker(value, wanted):
                self._forms[key] = value
            else:
                self._forms[key] = self._conversion(value, wanted, reader)
        return self._forms[key]

    def view(self, value: Value, type: TensorType) -> Value:
        """A view of VALUE's bytes as TYPE."""
        return self.append(Reshape(value, shape=type.shape, types=[type], loc=location_of(value)))

    def _stored_by_maker(self, value: Value, wanted: TensorType) -> bool:
        """Make the loop kernel that produces VALUE store it as WANTED; returns whether that was possible."""
        maker = value.producer
        if not isinstance(maker, PrecisionKernel) or maker.root is not Root.LOOP or len(maker.results) > 1:
            return False
        nodes = maker.location.nodes
        if STORE_CONVERSION in self._context.disabled:
            reason, verdict = f"the rule {STORE_CONVERSION} is switched off", Verdict.DISABLED
        elif not self._context.keep.isdisjoint(nodes):
            reason, verdict = "its result is to be kept as it is", Verdict.REFUSED
        else:
            reason, verdict = f"{value.type} is stored as {wanted}, in which it is read", Verdict.TAKEN
            self._context.decide()
        saved = 2 * evaluate(value.type.bytes, self.module.values_at("optimum"))
        self._context.ledger.add(
            STORE_CONVERSION,
            verdict,
            reason,
            ops=(PrecisionKernel.name,),
            nodes=nodes,
            launches_saved=1,
            bytes_saved=saved,
        )
        if verdict is not Verdict.TAKEN:
            return False
        block = maker.body.block
        made = block.terminator.inputs[0]
        before = executed(block)
        block.terminator.erase()
        block.append(Yield(_in_form(block, made, wanted)))
        value.type = wanted
        if executed(block) != before:  # it computes nothing: its format is that of what it stores
            maker.requested = maker.compute = maker.accumulate = wanted.dtype
        return True

    def _conversion(self, value: Value, wanted: TensorType, reader: Location) -> Value:
        """A kernel that copies VALUE to another element type, layout or number of channels, for READER."""
        location = location_of(value) if value.producer is not None else reader
        block = Block([value.type])
        inner = _in_form(block, block.arguments[0], wanted)
        if inner is block.arguments[0]:  # another layout alone: a kernel has some op
            inner = _cast(block, inner, wanted.dtype)
        block.append(Yield(inner))
        reason = f"{value.type} is wanted as {wanted}"
        self._context.ledger.add(
            "storage-conversion", Verdict.TAKEN, reason, ops=(PrecisionKernel.name,), nodes=location.nodes
        )
        kernel = PrecisionKernel(
            value,
            types=[wanted],
            regions=[Region(block)],
            root=Root.LOOP,
            requested=wanted.dtype,
            compute=wanted.dtype,
            accumulate=wanted.dtype,
            why=reason,
            loc=location,
        )
        return self.append(kernel)


def _in_form(block: Block, value: Value, wanted: TensorType) -> Value:
    """VALUE with the channels and the element type of WANTED, by ops at the end of BLOCK.

    These belong to no node of the model, and so have no location.
    """
    if wanted.shape != value.type.shape:
        value = block.append(Pad(value, pads=channel_pads(value.type, wanted))).result
        value.type = value.type.with_layout(ROW_MAJOR)
    return value if value.type.dtype == wanted.dtype else _cast(block, value, wanted.dtype)


def _cast(block: Block, value: Value, dtype: DType) -> Value:
    result = block.append(Cast(value, to=dtype)).result
    result.type = result.type.with_layout(ROW_MAJOR)
    return result


def location_of(value: Value) -> Location:
    """The location of the op that computes VALUE; unknown for an argument."""
    return value.producer.location if value.producer is not None else UNKNOWN
