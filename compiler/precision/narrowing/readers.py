"""The consumers of a value: one with only products as consumers is multiplied in 16 bits, however it is
stored."""

from __future__ import annotations

from enum import Flag, auto

from ....dialects.control import ControlOp, ControlYield
from ....dialects.core.builtin import Return, Yield
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function
from ....dialects.core.traits import Trait, has
from ....dialects.graph.normalization import RmsNorm
from .demands import is_product


class Reader(Flag):
    """Kinds of consumers, direct ones or through ops that move the value."""

    NONE = 0
    ELEMENTWISE = auto()
    PRODUCT = auto()
    RMS_NORM = auto()
    OTHER = auto()


WIDE = Reader.ELEMENTWISE | Reader.RMS_NORM | Reader.OTHER
STREAM = Reader.ELEMENTWISE | Reader.RMS_NORM


class Readers:
    """The consumers of every value of a function."""

    def __init__(self, function: Function) -> None:
        self._found: dict[Value, Reader] = {}
        self._walk(function.block)

    def __getitem__(self, value: Value) -> Reader:
        return self._found.get(value, Reader.NONE)

    def _walk(self, block: Block) -> None:
        for op in reversed(list(block)):
            if isinstance(op, ControlOp):
                self._control(op)
            elif op.regions:
                self._region(op)
            elif not isinstance(op, (Yield, ControlYield, Return)):
                self._op(op)

    def _region(self, op: Operation) -> None:
        block = op.regions[0].block
        for value, given in zip(op.results, block.terminator.inputs, strict=True):
            self._add(given, self[value])
        self._walk(block)
        for argument, value in zip(block.arguments, op.inputs, strict=True):
            self._add(value, self[argument])

    def _control(self, op: ControlOp) -> None:
        for region in op.regions:
            self._walk(region.block)
        for value, argument in op.passed():
            self._add(value, self[argument])

    def _op(self, op: Operation) -> None:
        for index, value in enumerate(op.operands):
            if value is not None:
                self._add(value, self._kind(op, index))

    def _kind(self, op: Operation, index: int) -> Reader:
        if has(op, Trait.MOVEMENT):
            return self[op.result]
        if isinstance(op, RmsNorm) and index == 0:
            return Reader.RMS_NORM
        if is_product(op):
            return Reader.PRODUCT if index < 3 else Reader.OTHER
        return Reader.ELEMENTWISE if has(op, Trait.ELEMENTWISE) else Reader.OTHER

    def _add(self, value: Value, kind: Reader) -> None:
        self._found[value] = self[value] | kind
