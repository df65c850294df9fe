"""Values that are spectra of the inputs: linear combinations of inputs, their powers and magnitudes.

A logarithm shows how small a number is. Where the terms of a sum cancel, all that is left is what rounding
has changed in them: the level of a quiet band, and with it all that is measured from the quietest one.
Features have such errors already. A spectrum has none before its first product is rounded, so none is.
"""

from __future__ import annotations

from ....dialects.control import ControlOp
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function
from ....dialects.core.traits import Trait, has
from ....dialects.graph.attention import Attention
from ....dialects.graph.binary import Add, Div, Max, Min, Mul, Pow, Sub
from ....dialects.graph.elementwise import Cast, Clip
from ....dialects.graph.reduction import Reduce
from ....dialects.graph.unary import Abs, Neg, Sqrt
from .facts import NumberOrigin
from .forward import ForwardFacts, data_operands

LINEAR = (Add, Sub, Mul, Div, Neg)
MAGNITUDES = (Abs, Sqrt, Pow, Max, Min, Clip)
SUMS = ("sum", "mean")


class Spectra:
    """The spectra of one function, including its inputs."""

    def __init__(self, function: Function, facts: ForwardFacts) -> None:
        self._facts = facts
        self._found = {value for value in function.arguments if value.type.dtype.is_float}
        self._walk(function.block)

    def __contains__(self, value: Value) -> bool:
        return value in self._found

    def _walk(self, block: Block) -> None:
        for op in block:
            if isinstance(op, ControlOp):
                continue  # a state is more than a spectrum
            if op.regions:
                self._region(op)
            elif op.results and self._keeps(op) and self._suits(op):
                self._found.update(op.results)

    def _region(self, op: Operation) -> None:
        block = op.regions[0].block
        self._found |= {a for a, v in zip(block.arguments, op.inputs, strict=True) if v in self._found}
        self._walk(block)
        given = zip(op.results, block.terminator.inputs, strict=True)
        self._found |= {value for value, result in given if result in self._found}

    def _keeps(self, op: Operation) -> bool:
        """Whether OP makes a spectrum of spectra."""
        if isinstance(op, Reduce):
            return str(op.kind) in SUMS
        if isinstance(op, Cast):
            return bool(op.to.is_float)
        linear = has(op, Trait.MOVEMENT) or has(op, Trait.CONTRACTION) or isinstance(op, LINEAR)
        return (linear and not isinstance(op, Attention)) or isinstance(op, MAGNITUDES)

    def _suits(self, op: Operation) -> bool:
        """Whether the operands of OP are spectra and constants; one alone is a spectrum in a product."""
        operands = data_operands(op)
        spectra = [value for value in operands if value in self._found]
        rest = [value for value in operands if value not in self._found]
        constant = all(self._facts[value].origin is NumberOrigin.CONSTANT for value in rest)
        return constant and (len(spectra) == 1 if has(op, Trait.CONTRACTION) else bool(spectra))
