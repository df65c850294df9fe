"""By how much a kernel may differ from the interpreter on the same inputs.

One rounding of the result, arithmetic in another order along a chain of ops, and sums in another order:
|error| <= c·sqrt(K)·u·(|A||B|). Results in 8-bit floats are judged before they are rounded (`rounding`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...codegen.interface import Accumulation
from ...dialects.core.dtypes import DType
from ...dialects.core.interpreter import Array, Evaluation, run_block
from ...dialects.core.ir import Block, Module, Operation
from ...dialects.core.traits import Trait, has
from ...dialects.core.types import TensorType
from ...dialects.graph.numeric import compute_dtype
from .measures import Error, largest_finite, roundoff
from .rounding import is_short, keeps, rounded_last, step, strayed
from .widen import widened_array, widened_block

# In unit roundoffs of the largest result: for its rounding on both sides, and for arithmetic in another
# order along a chain of ops.
STORING, ARITHMETIC, ARITHMETIC_PER_STEP = 4.0, 16.0, 6.0
SUM = 2.0  # c in the bound of sums


@dataclass(frozen=True)
class Bound:
    """What a result that is stored as `stored` may differ by.

    allowed: from the replay, for all elements or for each; for a result in 8-bit floats, `before` is what
    it was before it was rounded, and `allowed` is by how much that may be off.
    """

    stored: DType
    allowed: float | Array
    before: Array | None = None

    @property
    def largest(self) -> float:
        """What the element may differ by that may differ most."""
        return float(np.max(self.allowed, initial=0.0))

    def share(self, have: Array, error: Error) -> float:
        """The worst element's difference in units of its bound; ERROR is that of HAVE, what was stored."""
        if self.before is None:
            return quotient(error.max_abs, self.largest)
        off = strayed(have, self.before, self.stored)
        allowed = np.broadcast_to(self.allowed, off.shape)
        with np.errstate(all="ignore"):
            shares = np.where(off == 0, 0.0, off / allowed)
        return float(np.max(shares, initial=0.0))


def quotient(part: float, whole: float) -> float:
    """PART of WHOLE; nothing is no part of nothing."""
    if part == 0:
        return 0.0
    return part / whole if whole else math.inf


@dataclass(frozen=True)
class _Product:
    """A contraction as the replay in f64 computed it: how many terms its sums have, and |A||B|."""

    terms: float
    result: Array
    magnitudes: Array


class Sums(Evaluation):
    """Notes the contractions on the way: their first operands, and what their sums are made of.

    Sums of integers are exact: they count for nothing.
    """

    def __init__(self, module: Module, symbols: Mapping[str, int]) -> None:
        super().__init__(module, symbols)
        self.products: list[_Product | None] = []
        self.operands: list[Array] = []

    @property
    def growth(self) -> float:
        """sqrt(K)·max(|A||B|)."""
        found = (each for each in self.products if each is not None)
        return sum(math.sqrt(each.terms) * largest_finite(each.magnitudes) for each in found)

    @property
    def size(self) -> float:
        """The largest element of their results."""
        return max((largest_finite(each.result) for each in self.products if each is not None), default=0.0)

    def executed(self, op: Operation, arguments: Sequence[Any], results: Sequence[Array]) -> None:
        if not has(op, Trait.CONTRACTION):
            return
        self.operands.append(arguments[0])
        if not results[0].size or not op.results[0].type.dtype.is_float:
            self.products.append(None)
            return
        terms = max(self.dim(op.flops()) / (2 * results[0].size), 1.0)
        magnitudes = op.evaluate(self, *(None if a is None else np.abs(a) for a in arguments))
        self.products.append(_Product(terms, results[0], magnitudes))


@dataclass(frozen=True)
class Execution:
    """A block that was run on READS by a family that sums by ACCUMULATION; SUMS are those of its replay in
    f64, whose results are EXACT."""

    block: Block
    accumulation: Accumulation
    reads: Sequence[Array]
    sums: Sums
    exact: Sequence[Array]

    def products(self) -> Iterator[tuple[Operation, _Product]]:
        """The contractions of floats."""
        ops = (op for op in self.block if has(op, Trait.CONTRACTION))
        pairs = zip(ops, self.sums.products, strict=True)
        return ((op, product) for op, product in pairs if product is not None)

    def allowed(self, position: int, stored: TensorType, want: Array) -> float | Array:
        """What the result at POSITION may differ by from WANT; for 8-bit floats before it is rounded."""
        if not stored.dtype.is_float:
            return 0.0
        largest = largest_finite(want)
        inner = _inner_roundoff(self.block, stored)
        chain = inner * (ARITHMETIC + ARITHMETIC_PER_STEP * math.sqrt(len(self.block))) * largest
        if not is_short(stored.dtype):
            chain += STORING * roundoff(stored.dtype) * largest
        flips = sum((changes[position] for changes in self._flips()), 0.0)
        if not is_short(stored.dtype) and not any(self._apart(op) for op, _ in self.products()):
            gain = max(1.0, largest / self.sums.size) if self.sums.size else 1.0
            return chain + inner * SUM * gain * self.sums.growth + flips
        off = ((op, p.result, _sum_error(op, p, inner, self.accumulation)) for op, p in self.products())
        return chain + flips + sum((self._changes(*each)[position] for each in off), 0.0)

    def _apart(self, op: Operation) -> bool:
        """Whether what OP's sums may be off by is followed through the block: it is no roundoff of that."""
        return _multiplies_short(op) or self.accumulation.is_coarse(_operand_types(op))

    def _flips(self) -> Iterator[list[Array]]:
        """What a step of every 8-bit float that is computed, rounded and used here does to the results.

        What is rounded may be off by little, but then by a whole step where it lies at a tie.
        """
        last = {value for result in self.block.terminator.inputs for value in rounded_last(result)}
        ops = [op for op in self.block if _rounds_computed_short(op) and op.result not in last]
        if not ops:
            return
        keeping = _Exact(self.sums, list(self.block), ops)
        run_block(widened_block(self.block, {}), [widened_array(array) for array in self.reads], keeping)
        for op in ops:
            value = keeping.results[op]
            yield self._changes(op, value, step(value, op.result.type.dtype))

    def _changes(self, op: Operation, result: Array, off: Array) -> list[Array]:
        """By how much every result of the block changes where OP's RESULT is off by that much."""
        rest = widened_block(self.block, {}, op)
        reads = [widened_array(array) for array in self.reads]
        changes = [np.zeros(array.shape) for array in self.exact]
        # Both ways, and in turns: a normalisation behind it would not see what moves all elements.
        turns = np.where(np.arange(off.size) % 2, 1.0, -1.0).reshape(off.shape)
        for signs in (1.0, -1.0, turns):
            plain = Evaluation(self.sums.module, self.sums.symbols)
            results = run_block(rest, [*reads, result + signs * off], plain)
            for change, moved, exact in zip(changes, results, self.exact, strict=True):
                apart = np.abs(moved.astype(np.float64) - exact.astype(np.float64))
                np.maximum(change, np.where(np.isnan(apart), 0.0, apart), out=change)
        return changes


class _Exact(Evaluation):
    """Keeps the results of some of the OPS of a block while its copy runs."""

    def __init__(self, sums: Sums, ops: Sequence[Operation], wanted: Sequence[Operation]) -> None:
        super().__init__(sums.module, sums.symbols)
        self._ops = iter(ops)
        self._wanted = set(wanted)
        self.results: dict[Operation, Array] = {}

    def executed(self, op: Operation, arguments: Sequence[Any], results: Sequence[Array]) -> None:
        original = next(self._ops)
        if original in self._wanted:
            self.results[original] = results[0]


def _sum_error(op: Operation, product: _Product, unit: float, accumulation: Accumulation) -> Array:
    """By how much the sums of OP may be off under ACCUMULATION, with the roundoff UNIT elsewhere."""
    share = SUM * math.sqrt(product.terms) * unit
    share += SUM * accumulation.excess(_operand_types(op), product.terms)
    return share * product.magnitudes


def _operand_types(op: Operation) -> list[DType]:
    return [value.type.dtype for value in op.inputs]


def _multiplies_short(op: Operation) -> bool:
    return any(map(is_short, _operand_types(op)))


def _rounds_computed(op: Operation) -> bool:
    computed = any(v.producer is not None and not has(v.producer, Trait.CONSTANT) for v in op.inputs)
    return computed and op.attributes.get("multiply") is not None


def _rounds_computed_short(op: Operation) -> bool:
    """Whether OP rounds what was computed here to 8-bit floats: what is moved, or quantized as it was
    stored, is the same on both sides."""
    if not op.results or not is_short(op.result.type.dtype) or has(op, Trait.CONSTANT) or keeps(op):
        return False
    value = op.inputs[0]
    while value.producer is not None and has(value.producer, Trait.MOVEMENT):
        value = value.producer.inputs[0]
    return value.producer is not None


def _inner_roundoff(block: Block, stored: TensorType) -> float:
    """The coarsest unit roundoff that BLOCK rounds to before its results, 8-bit floats left out.

    Operands of a product that are computed on the way may be rounded to its format from neighbours.
    """
    yielded = set(block.terminator.inputs)
    inner = [
        roundoff(value.type.dtype)
        for op in block
        if not has(op, Trait.CONSTANT)
        for value in op.results
        if value not in yielded and not is_short(value.type.dtype)
    ]
    inner += [roundoff(op.attributes["multiply"]) for op in block if _rounds_computed(op)]
    return max(inner, default=0.0) or roundoff(compute_dtype(stored.dtype))
