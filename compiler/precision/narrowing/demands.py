"""Backward data-flow: which values must be exact because of the ops that consume them.

An error of an angle becomes an error of its sine, and an error of a number that is rounded down may become a
whole step. Operands of contractions were rounded to 16 bits before, so their results have such errors anyway:
of these only the operand itself is kept exact. Values that no contraction has computed stay exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from ....dialects.control import ControlOp
from ....dialects.core.affine import Dim, product
from ....dialects.core.dtypes import F32
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function
from ....dialects.core.traits import Trait, has
from ....dialects.graph.attention import Attention
from ....dialects.graph.binary import Mod, Pow
from ....dialects.graph.columns import DeformColumns
from ....dialects.graph.constants import Constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.elementwise import BitCast, Cast
from ....dialects.graph.elementwise_base import Comparison, Logic
from ....dialects.graph.grid import AffineGrid, GridSample
from ....dialects.graph.reduction import Running
from ....dialects.graph.roi_align import RoiAlign
from ....dialects.graph.rois import RoiMaxPool
from ....dialects.graph.softmax import LogSoftmax, Softmax
from ....dialects.graph.trigonometric import Cos, Cosh, Sin, Sinh, Tan
from ....dialects.graph.unary import Ceil, Exp, Floor, Log, Round
from .facts import NumberOrigin
from .forward import ForwardFacts, data_operands
from .spectra import Spectra

# For larger exponents 16 bits are too few: rounding them changes the power by half a percent.
MODEST_EXPONENT = 16.0
# A contraction with so few terms computes positions or coordinates; longer ones compute features.
FEW_TERMS = 16
# A logarithm of less than this magnifies errors: that of 1 + x does not.
LEAST_LOG = 1.0
POSITION_BITS = 32


class WidthNeed(IntEnum):
    """The number of contractions, backwards from the consumer, across which values are kept exact."""

    PICKED = 0  # operands of comparisons and selections, exponents
    POSITION = 1  # angles, and values that become integers
    SPECTRUM = 2  # logarithms of spectra: all contractions that lead to these (`spectra.py`)


@dataclass(frozen=True)
class Demand:
    """Why a value must be exact: the NEED, and WHY in words."""

    need: WidthNeed
    why: str


# Operands that hold positions, in elements of another operand, or from which positions are computed.
POSITIONS: Mapping[type[Operation], str] = {
    AffineGrid: "theta",
    DeformColumns: "offset",
    GridSample: "grid",
    RoiAlign: "rois",
    RoiMaxPool: "rois",
}
ANGLES = (Sin, Cos, Tan)
STEPS = (Floor, Ceil, Round, Mod)
EXPONENTS = (Exp, Sinh, Cosh)


def demands_of(op: Operation, facts: ForwardFacts, spectra: Spectra) -> Iterator[tuple[Value, Demand]]:
    """The operands of OP that must be exact for its result, each with its demand."""
    name = op.name.removeprefix("graph.")
    if isinstance(op, ANGLES):
        yield op.x, Demand(WidthNeed.POSITION, f"it is an argument of {name}")
    elif isinstance(op, EXPONENTS):
        yield op.x, Demand(WidthNeed.PICKED, f"it is an argument of {name}")
    elif isinstance(op, Log) and facts[op.x].low < LEAST_LOG:
        need = WidthNeed.SPECTRUM if op.x in spectra else WidthNeed.PICKED
        yield op.x, Demand(need, "it is an argument of log that may be small")
    elif isinstance(op, Pow) and facts[op.y].origin is not NumberOrigin.CONSTANT:
        yield op.y, Demand(WidthNeed.PICKED, f"it is an exponent of {name}")
    elif isinstance(op, Running):
        yield op.x, Demand(WidthNeed.POSITION, f"it is an argument of {name}")
    elif isinstance(op, STEPS):
        yield op.inputs[0], Demand(WidthNeed.POSITION, f"{name} makes it a whole number")
    elif type(op) in POSITIONS:
        yield getattr(op, POSITIONS[type(op)]), Demand(WidthNeed.POSITION, "it holds positions")
    elif isinstance(op, BitCast):
        yield op.x, Demand(WidthNeed.POSITION, "its bits are read")
    elif isinstance(op, Cast) and not op.to.is_float:
        yield op.x, Demand(WidthNeed.POSITION, f"it is cast to {op.to}")
    elif _makes_positions(op):
        yield op.inputs[0], Demand(WidthNeed.PICKED, f"{name} finds positions in it")
    elif isinstance(op, (Softmax, LogSoftmax)) and facts[op.x].peak > MODEST_EXPONENT:
        yield op.x, Demand(WidthNeed.PICKED, f"it is an argument of {name}, and of numbers far from 0")
    elif isinstance(op, Attention) and op.mask is not None and facts[op.mask].peak > MODEST_EXPONENT:
        yield op.mask, Demand(WidthNeed.PICKED, "it is a mask of numbers far from 0")
    elif isinstance(op, Comparison) and not isinstance(op, Logic):
        yield from _compared(op, facts)


def _makes_positions(op: Operation) -> bool:
    """Whether OP returns positions in its first operand, as ArgMax does."""
    if has(op, Trait.ELEMENTWISE) or not op.inputs or not op.inputs[0].type.dtype.is_float:
        return False
    return any(value.type.dtype.is_integer and value.type.dtype.bits >= POSITION_BITS for value in op.results)


def _compared(op: Operation, facts: ForwardFacts) -> Iterator[tuple[Value, Demand]]:
    """Demands on compared values. Features compared with a constant are part of an activation and may be
    rounded."""
    varying = [value for value in op.inputs if facts[value].origin is not NumberOrigin.CONSTANT]
    if len(varying) > 1 or any(facts[value].products == 0 for value in varying):
        for value in varying:
            yield value, Demand(WidthNeed.PICKED, "it is compared")


class Demands:
    """The demands in one function: on values, and on the contractions that must multiply exactly."""

    def __init__(self, function: Function, facts: ForwardFacts) -> None:
        self._facts = facts
        self._spectra = Spectra(function, facts)
        self.values: dict[Value, Demand] = {}
        self.products: dict[Operation, Demand] = {}
        self._walk(function.block)

    def _walk(self, block: Block) -> None:
        for op in reversed(list(block)):
            if isinstance(op, ControlOp):
                self._control(op)
            elif op.regions:
                self._region(op)
            else:
                self._op(op)

    def _region(self, op: Operation) -> None:
        block = op.regions[0].block
        for value, given in zip(op.results, block.terminator.inputs, strict=True):
            self._ask(given, self.values.get(value))
        self._walk(block)
        for argument, value in zip(block.arguments, op.inputs, strict=True):
            self._ask(value, self.values.get(argument))

    def _control(self, op: ControlOp) -> None:
        for region in op.regions:
            self._walk(region.block)
        for value, argument in op.passed():
            self._ask(value, self.values.get(argument))

    def _op(self, op: Operation) -> None:
        for value, demand in demands_of(op, self._facts, self._spectra):
            self._ask(value, demand)
        for result in op.results:
            asked = self.values.get(result)
            if asked is not None:
                reaches = self._reaches(op, result, asked)
                for value in self._sources(op):
                    if reaches or self._is_summand(op, value):
                        self._ask(value, asked)

    def _is_summand(self, op: Operation, value: Value) -> bool:
        """Whether VALUE is a constant that OP adds: it is kept exact even where the other operand is not."""
        return has(op, Trait.ELEMENTWISE) and self._facts[value].origin is NumberOrigin.CONSTANT

    def _ask(self, value: Value, demand: Demand | None) -> None:
        if demand is None or not value.type.dtype.is_float:
            return
        known = self.values.get(value)
        if known is None or known.need < demand.need:
            self.values[value] = demand

    def _sources(self, op: Operation) -> list[Value]:
        product = has(op, Trait.CONTRACTION)
        return list(op.inputs[:2]) if product else data_operands(op)

    def _reaches(self, op: Operation, result: Value, demand: Demand) -> bool:
        """Whether an exact RESULT of OP requires, and is possible with, exact operands."""
        if isinstance(op, Constant):
            return False
        if has(op, Trait.MOVEMENT) or (isinstance(op, Cast) and op.x.type.dtype.is_float):
            return True
        if demand.need is WidthNeed.SPECTRUM:
            near, few = result in self._spectra, True
        else:
            near, few = self._facts[result].products <= demand.need, _few_terms(op)
        if has(op, Trait.CONTRACTION):
            return near and few and self._multiplies(op, demand)
        return near and not isinstance(op, Attention)

    def _multiplies(self, op: Operation, demand: Demand) -> bool:
        if op.inputs[0].type.dtype != F32:
            return False
        self.products[op] = demand
        return True


def _few_terms(op: Operation) -> bool:
    terms: Dim = FEW_TERMS + 1
    if isinstance(op, Matmul):
        terms = op.extents[2]
    elif isinstance(op, Conv):
        terms = product(op.w.type.shape[1:])
    return isinstance(terms, int) and terms <= FEW_TERMS


def is_product(op: Operation) -> bool:
    """Whether OP multiplies its operands in the format's multiply type."""
    return has(op, Trait.CONTRACTION) or isinstance(op, Attention)
