"""Level 4, launch: what is launched on the GPU. Values are buffers in memory, which kernels read and write.

The operands of `launch.kernel` are buffers and views (`launch_memory.py`): its inputs, then its outputs.
Execution order is textual order; launches inside of `launch.if` and `launch.loop` (`launch_control.py`) run
conditionally and repeatedly. The interpreter runs this level on one real arena, so that a wrong offset gives
a wrong result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from ..runtime.launch_rules import MAX_CLUSTER
from .core.affine import Dim, exact_div, total
from .core.attributes import BOOL, CONFIG, DIMS, FORMAT, INT, INTS, STRING, SYMBOL
from .core.diagnostics import op_error
from .core.dialect import Dialect
from .core.dtypes import I64
from .core.interpreter import Evaluation
from .core.ir import Block, Operation, Value
from .core.op import attribute, define_op, operands, region
from .core.parts import ArgumentAt, AttributeAt, OperandAt
from .core.tensor_map_text import TENSOR_MAPS
from .core.traits import Trait
from .core.types import ROW_MAJOR, TensorType
from .launch_control import LaunchControl, LaunchIf, LaunchLoop
from .launch_memory import Buffer, View, span


@define_op(Trait.SIDE_EFFECT, symbol="kernel")
class Kernel(Operation):
    """One kernel launch: a precision-level region, the family and configuration that run it, and a grid.

    The operands are the buffers read, then `outputs` buffers written, then `scratch` buffers whose content
    matters only during the launch; `maps` are tensor maps over some of them. `grid` (blocks) may be symbolic;
    `block` (threads), `cluster` (blocks) and `shared` (bytes of dynamic shared memory) are numbers. All
    blocks of a `cooperative` launch are resident at the same time, so that they may wait for each other.

    A `stacked` launch writes one row of each output, along the first dimension of the buffer: the row that
    the region yields. The last buffer read, an i64, has its number.

    `requested` and `compute` are those of the precision level; `executed` is the format in which the family
    does the arithmetic. A group has them per member, in `member_formats`: `m0_requested = f16, m0_compute =
    f16, m0_executed = f16, m1_...`.
    """

    name = "launch.kernel"
    kernel = attribute(SYMBOL)
    operands_ = operands()
    outputs = attribute(INT, 1)
    scratch = attribute(INT, 0)
    family = attribute(STRING)
    config = attribute(CONFIG, {})
    requested = attribute(FORMAT, None)
    compute = attribute(FORMAT, None)
    executed = attribute(FORMAT, None)
    member_formats = attribute(CONFIG, {})
    grid = attribute(DIMS)
    block = attribute(INTS)
    cluster = attribute(INTS, (1, 1, 1))
    cooperative = attribute(BOOL, False)
    maps = attribute(TENSOR_MAPS, ())
    stacked = attribute(BOOL, False)
    shared = attribute(INT, 0)
    stream = attribute(INT, 0)
    waits = attribute(INTS, ())
    pdl = attribute(BOOL, True)
    body = region()

    @property
    def reads(self) -> tuple[Value, ...]:
        return self.inputs[: len(self.inputs) - self.outputs - self.scratch]

    @property
    def writes(self) -> tuple[Value, ...]:
        return self.inputs[len(self.reads) : len(self.reads) + self.outputs]

    @property
    def row(self) -> Value | None:
        """The buffer with the row number of a stacked launch; None for other launches."""
        return self.reads[-1] if self.stacked else None

    def infer(self) -> Sequence[TensorType]:
        return []

    def verify(self) -> None:
        if self.outputs < 0 or self.scratch < 0 or self.outputs + self.scratch > len(self.inputs):
            raise op_error(
                self, f"has {len(self.inputs)} operands, too few for its outputs and scratch buffers"
            )
        arguments = self.body.block.arguments
        if len(arguments) != len(self.reads):
            raise op_error(
                self, f"reads {len(self.reads)} buffers, its region has {len(arguments)} arguments"
            )
        for index, (value, argument) in enumerate(zip(self.reads, arguments, strict=True)):
            if value.type != argument.type:
                hint = "the argument's type must state the buffer's layout"
                raise op_error(
                    self,
                    f"reads operand {index}, {value.type}, as {argument.type}",
                    hint,
                    at=ArgumentAt(index),
                    label=f"the buffer is {value.type}",
                )
        self._verify_cluster()
        for index in range(len(self.maps)):
            self._verify_map(index)
        if self.stacked:
            self._verify_stacked()

    def _verify_stacked(self) -> None:
        row = self.reads[-1].type if self.reads else None
        if row is None or row.dtype != I64 or row.rank:
            last = f"its last input is {row or 'nothing'}"
            message = f"is stacked, and {last}; an i64, the row number, is expected"
            raise op_error(self, message, at=AttributeAt("stacked"))
        for index, buffer in enumerate(self.writes, len(self.reads)):
            if not buffer.type.rank or buffer.type.layout != ROW_MAJOR:
                message = f"writes a row of {buffer.type}, which is not a row-major stack of rows"
                raise op_error(self, message, at=OperandAt(index))

    def _verify_cluster(self) -> None:
        if self.cluster == (1, 1, 1):
            return
        at, shown = AttributeAt("cluster"), f"a cluster of {list(self.cluster)}"
        if len(self.cluster) != 3 or min(self.cluster) < 1 or prod(self.cluster) > MAX_CLUSTER:
            message = f"has {shown}: three sizes, {MAX_CLUSTER} blocks at most, are expected"
            raise op_error(self, message, "no GPU has larger ones", at=at)
        if len(self.grid) != 3 or any(
            exact_div(blocks, size) is None for blocks, size in zip(self.grid, self.cluster, strict=True)
        ):
            grid = ", ".join(map(str, self.grid))
            raise op_error(self, f"has {shown}, which does not divide its grid [{grid}]", at=at)

    def _verify_map(self, index: int) -> None:
        map, at = self.maps[index], AttributeAt("maps")
        if not 0 <= map.operand < len(self.inputs):
            message = f"tensor map {index} is over operand {map.operand} of {len(self.inputs)}"
            raise op_error(self, message, at=at)
        shown = self.inputs[map.operand].type
        if shown.dtype.bytes != map.dtype.bytes:
            message = f"tensor map {index} reads operand {map.operand}, {shown}, as {map.dtype}"
            raise op_error(self, message, at=at)
        fault = map.fault()
        if fault is not None:
            raise op_error(self, f"tensor map {index} {fault}", at=at)
        held = span(shown) * shown.dtype.bytes
        missing = map.extent - held
        if isinstance(missing, int) and missing > 0 and 0 not in shown.shape:
            reach = f"tensor map {index} covers {map.extent} bytes"
            raise op_error(self, f"{reach}, its operand {map.operand}, {shown}, has {held}", at=at)

    def verify_regions(self) -> None:
        yielded, message = (
            self.body.block.terminator.inputs,
            "its output buffers do not fit what its region yields",
        )
        if len(yielded) != len(self.writes):
            raise op_error(self, message, label=f"{len(yielded)} values for {len(self.writes)} buffers")
        for index, (value, buffer) in enumerate(zip(yielded, self.writes, strict=True), len(self.reads)):
            # A result may be written to a strided view, so only shape and element type must agree.
            wanted = buffer.type.shape[1:] if self.stacked else buffer.type.shape
            if (value.type.shape, value.type.dtype) != (wanted, buffer.type.dtype):
                label = f"this is {buffer.type}, the region yields {value.type}"
                raise op_error(self, message, at=OperandAt(index), label=label)

    def evaluate(self, evaluation: Evaluation, *buffers: Any) -> Any:
        reads = [np.array(buffer) for buffer in buffers[: len(self.reads)]]
        outcomes = evaluation.run_region(self.body, reads)
        targets = buffers[len(self.reads) : len(self.reads) + self.outputs]
        for target, value in zip(targets, outcomes, strict=True):
            self._place(target, reads)[...] = value
        return ()

    def _place(self, target: Any, reads: Sequence[Any]) -> Any:
        """The part of the output TARGET that is written: one row if the launch is stacked."""
        if not self.stacked:
            return target
        row = int(reads[-1])
        if not 0 <= row < target.shape[0]:
            raise op_error(self, f"writes row {row} of {target.shape[0]}")
        return target[row, ...]

    def flops(self) -> Dim:
        return total(op.flops() for op in self.body.block)


def kernels_in(block: Block) -> Iterator[Kernel]:
    """The launches of BLOCK in textual order, by which they are numbered; those of control ops included."""
    for op in block:
        if isinstance(op, Kernel):
            yield op
        elif isinstance(op, LaunchControl):
            for each in op.regions:
                yield from kernels_in(each.block)


LAUNCH = Dialect("launch", (Buffer, View, Kernel, LaunchIf, LaunchLoop))
