"""The positions that ops take from their operands, and those among them where there is nothing.

ONNX leaves an index outside its axis undefined. Kernels never read or write outside of memory because of one:
a gather takes the nearest element, a scatter drops the update. So a wrong index gives a wrong result and no
error; whoever wants one asks the op for its positions, and looks at them before it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..core.diagnostics import op_error
from ..core.interpreter import Array, Evaluation, run_block
from ..core.ir import Block, Operation, Value
from ..core.module import Module
from ..core.parts import OperandAt
from .base import GraphOp
from .position import Position

HINT = "a gather would take the nearest element instead, a scatter would drop the update"


def positions_of(op: Operation) -> tuple[Position, ...]:
    """The positions that OP takes; none for ops of other dialects."""
    return tuple(op.taken_positions()) if isinstance(op, GraphOp) else ()


def has_positions(block: Block) -> bool:
    """Whether an op in BLOCK, or in a region of one, takes positions."""
    return any(positions_of(inner) for op in block for inner in op.walk())


def check_positions(module: Module, block: Block, inputs: Sequence[Array], symbols: dict[str, int]) -> None:
    """Raise a located IRError if an op in BLOCK takes a position outside its axis, with these INPUTS.

    Only what the positions are computed from is evaluated.
    """
    outer = [op for op in block if positions_of(op)]
    wanted = {value for op in outer for value in _taken(op)}
    evaluation = _Checking(module, symbols, block, wanted)
    evaluation.kept.update(zip(block.arguments, inputs, strict=True))
    run_block(block, inputs, evaluation, only=_needed(block, wanted))
    for op in outer:
        evaluation.check(op, [evaluation.kept.get(value) for value in op.operands])  # type: ignore[arg-type]


class _Checking(Evaluation):
    """An evaluation that keeps the WANTED values of BLOCK, and checks the ops in the regions of its ops."""

    def __init__(self, module: Module, symbols: dict[str, int], block: Block, wanted: set[Value]) -> None:
        super().__init__(module, symbols)
        self._block, self._wanted = block, wanted
        self.kept: dict[Value, Array] = {}

    def executed(self, op: Operation, arguments: Sequence[Any], results: Sequence[Array]) -> None:
        if op.parent is not self._block:
            self.check(op, arguments)
            return
        for value, array in zip(op.results, results, strict=True):
            if value in self._wanted:
                self.kept[value] = array

    def check(self, op: Operation, arguments: Sequence[Any]) -> None:
        """Raise an IRError for a position outside its axis in the operands ARGUMENTS of OP."""
        for position in positions_of(op):
            given, size = arguments[position.operand], self.dim(position.size)
            taken = given if position.column is None else given[..., position.column]
            least = -size if position.from_end else 0
            wrong = np.argwhere((taken < least) | (taken >= size))
            if len(wrong):
                at = tuple(int(index) for index in wrong[0])
                more = f", nor are {len(wrong) - 1} more" if len(wrong) > 1 else ""
                where = [*at, *([] if position.column is None else [position.column])]
                message = f"the index {taken[at]} at {where} is not in {least}..{size - 1}{more}"
                raise op_error(op, message, HINT, at=OperandAt(position.operand))


def _taken(op: Operation) -> Iterator[Value]:
    for position in positions_of(op):
        value = op.operands[position.operand]
        assert value is not None  # an op has positions only in operands that are there
        yield value


def _needed(block: Block, wanted: Iterable[Value]) -> set[Operation]:
    """The ops of BLOCK that WANTED values are computed by, and those whose regions take positions."""
    inside = [op for op in block if not positions_of(op) and any(map(positions_of, op.walk()))]
    waiting = [*wanted, *(value for op in inside for value in _read_by(op))]
    found = set(inside)
    while waiting:
        op = waiting.pop().producer
        if op is not None and op.parent is block and op not in found:
            found.add(op)
            waiting += _read_by(op)
    return found


def _read_by(op: Operation) -> list[Value]:
    """The values that OP reads, those among them that its regions see."""
    return [value for inner in op.walk() for value in inner.inputs]
