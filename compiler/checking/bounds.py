"""Error bounds: by how much a kernel may differ from the interpreter on the same inputs.

A bound allows for one rounding of the result, reordered arithmetic along a chain of ops, and reordered sums:
|error| <= c·sqrt(K)·u·(|A||B|), or c·sqrt(K)·u·sum(|A|) without a product. A normalization of K elements
divides the error of their mean, c·sqrt(K)·u·mean(|x|), by a deviation that may be small: where x is nearly
constant, the result has errors far above its own roundoff. Results of eight bits are judged by what they are
before rounding (`rounding`). Functions are shorter for these, to a 20th of a unit of f16, and weights of
attention are rounded to 16 bits relative to other maxima than in the interpreter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...codegen.interface import Accumulation
from ...dialects.core.dtypes import F16, F32, DType
from ...dialects.core.interpreter import Array, Evaluation, run_block
from ...dialects.core.ir import Block, Operation
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.core.types import TensorType
from ...dialects.custom.op import CudaOp
from ...dialects.graph.attention import Attention
from ...dialects.graph.base import GraphOp
from ...dialects.graph.embedding import EmbeddingBag
from ...dialects.graph.interaction import Interaction
from ...dialects.graph.normalization_base import Normalization
from ...dialects.graph.numeric import compute_dtype
from ...dialects.graph.recurrence import Recurrence
from ...dialects.graph.reduction import Reduce
from .measures import Error, largest_finite, roundoff
from .rounding import bytes_rounded, is_short, keeps, rounded_last, step, strayed
from .widen import widened_array, widened_block

# In unit roundoffs of the largest result: for rounding it on both sides, and for reordered arithmetic along a
# chain of ops.
STORING, ARITHMETIC, ARITHMETIC_PER_STEP = 4.0, 16.0, 6.0
SUM = 2.0  # c in the bound on sums
SHORTER = 0.1  # unit roundoffs of f16, for functions of results of eight bits
STEP = 2.0  # unit roundoffs between adjacent numbers, at most


@dataclass(frozen=True)
class Bound:
    """The error bound of a result that is stored as `stored`.

    allowed: the largest absolute difference from the replay, for all elements or for each. For a result in
    8-bit floats, `before` is its value before rounding, and `allowed` bounds the error of that.
    """

    stored: DType
    allowed: float | Array
    before: Array | None = None

    @property
    def largest(self) -> float:
        """The largest bound of an element."""
        return float(np.max(self.allowed, initial=0.0))

    def share(self, have: Array, error: Error) -> float:
        """The largest ratio of an element's error to its bound; HAVE is what was stored, ERROR its error."""
        if self.before is None:
            return quotient(error.max_abs, self.largest)
        off = strayed(have, self.before, self.stored)
        allowed = np.broadcast_to(self.allowed, off.shape)
        with np.errstate(all="ignore"):
            shares = np.where(off == 0, 0.0, off / allowed)
        return float(np.max(shares, initial=0.0))


def quotient(part: float, whole: float) -> float:
    """PART over WHOLE: 0 where PART is 0, infinite where only WHOLE is."""
    if part == 0:
        return 0.0
    return part / whole if whole else math.inf


@dataclass(frozen=True)
class _Product:
    """A contraction in the f64 replay: the number of terms of its sums (K), its result, and |A||B|."""

    terms: float
    result: Array
    magnitudes: Array


class Sums(Evaluation):
    """An evaluation that records contractions: their first operands, and the magnitudes that they sum.

    Integer sums are exact, so they are recorded as None.
    """

    def __init__(self, module: Module, symbols: Mapping[str, int]) -> None:
        super().__init__(module, symbols)
        self.products: list[_Product | None] = []
        self.operands: list[Array] = []
        self.summed = 0.0  # sqrt(K)·max(sum(|A|)) of reductions: terms that cancel leave errors of their size
        self.centred = 0.0  # sqrt(K)·max(mean(|x|)·|scale|/deviation) of normalizations
        self.normalized = 0.0  # the largest magnitude among the results of these

    @property
    def growth(self) -> float:
        """sqrt(K)·max(|A||B|)."""
        found = (each for each in self.products if each is not None)
        return sum(math.sqrt(each.terms) * largest_finite(each.magnitudes) for each in found)

    @property
    def size(self) -> float:
        """The largest magnitude among the results of the contractions."""
        return max((largest_finite(each.result) for each in self.products if each is not None), default=0.0)

    def executed(self, op: Operation, arguments: Sequence[Any], results: Sequence[Array]) -> None:
        if isinstance(op, Reduce) and op.kind in ("sum", "mean") and results[0].size:
            terms = arguments[0].size / results[0].size
            self.summed += math.sqrt(terms) * largest_finite(op.evaluate(self, np.abs(arguments[0])))
        if isinstance(op, Normalization) and (cancelled := op.cancelled(*arguments)) is not None:
            self.centred += largest_finite(cancelled)
            self.normalized = max(self.normalized, largest_finite(results[0]))
        if not has(op, Trait.CONTRACTION) or not isinstance(op, GraphOp):
            return
        self.operands.append(arguments[0])
        if not results[0].size or not op.results[0].type.dtype.is_float:
            self.products.append(None)
            return
        terms = max(self.dim(op.flops()) / (2 * results[0].size), 1.0)
        magnitudes = op.magnitudes(self, *arguments)
        self.products.append(_Product(terms, results[0], magnitudes))


@dataclass(frozen=True)
class Execution:
    """One execution of a kernel's block, from which error bounds are derived.

    accumulation: how the kernel family sums; reads: the inputs; sums, exact: contractions and results of the
    replay in f64.
    """

    block: Block
    accumulation: Accumulation
    reads: Sequence[Array]
    sums: Sums
    exact: Sequence[Array]

    def products(self) -> Iterator[tuple[Operation, _Product]]:
        """The float contractions, each with its figures."""
        ops = (op for op in self.block if has(op, Trait.CONTRACTION))
        pairs = zip(ops, self.sums.products, strict=True)
        return ((op, product) for op, product in pairs if product is not None)

    def allowed(self, position: int, stored: TensorType, want: Array) -> float | Array:
        """The largest error of the result at POSITION against WANT; for 8-bit floats, before rounding."""
        rounded = bytes_rounded(self.block.terminator.inputs[position])
        if rounded is not None:
            largest, inner = largest_finite(want) * rounded.step, roundoff(F32)
            sums = inner * SUM * _gain(largest, self.sums.size) * self.sums.growth
            return (self._chain(largest, inner) + self._shorter(largest) + sums) / rounded.step
        if not stored.dtype.is_float:
            return 0.0
        largest = largest_finite(want)
        inner = _inner_roundoff(self.block, stored)
        chain = self._chain(largest, inner)
        if is_short(stored.dtype):
            chain += self._shorter(largest)
        if not is_short(stored.dtype):
            chain += STORING * roundoff(stored.dtype) * largest
        flips = sum((changes[position] for changes in self._tie_errors()), 0.0)
        chain += _gain(largest, self.sums.size) * self._again(position)
        if not is_short(stored.dtype) and not any(self._is_propagated(op) for op, _ in self.products()):
            gain = _gain(largest, self.sums.size)
            return chain + inner * SUM * gain * self.sums.growth + flips
        off = ((op, p.result, _sum_error(op, p, inner, self.accumulation)) for op, p in self.products())
        return chain + flips + sum((self._changes(*each)[position] for each in off), 0.0)

    def _chain(self, largest: float, inner: float) -> float:
        """The error of reordered arithmetic, of the unit roundoff INNER, in a result up to LARGEST."""
        chain = inner * (ARITHMETIC + ARITHMETIC_PER_STEP * math.sqrt(len(self.block))) * largest
        chain += inner * SUM * self.sums.summed
        chain += inner * SUM * _gain(largest, self.sums.normalized) * self.sums.centred
        sealed = (CudaOp, Recurrence, Interaction, EmbeddingBag)
        return chain + sum(op.allowed() for op in self.block if isinstance(op, sealed)) * largest

    def _shorter(self, largest: float) -> float:
        """The error of a result of eight bits, up to LARGEST, that comes of functions in a short form."""
        weights = [roundoff(op.v.type.dtype) for op in self.block if isinstance(op, Attention)]
        values = max((largest_finite(array) for array in self.reads), default=0.0) if weights else 0.0
        return SHORTER * roundoff(F16) * largest + STORING * max(weights, default=0.0) * values

    def _again(self, position: int) -> float:
        """The change of sums behind which is the result at POSITION, when other results, which they multiply
        again as they are stored, move by one step: both sides may round to adjacent numbers."""
        results = self.block.terminator.inputs
        again = set(results) - {results[position]}
        return sum(
            STEP * roundoff(value.type.dtype) * largest_finite(product.magnitudes)
            for op, product in self.products()
            for value in op.inputs
            if value in again
        )

    def _is_propagated(self, op: Operation) -> bool:
        """Whether the error of OP's sums is propagated through the block, being coarser than its roundoff."""
        return _multiplies_short(op) or self.accumulation.is_coarse(_operand_types(op))

    def _tie_errors(self) -> Iterator[list[Array]]:
        """For every 8-bit float that is computed, rounded and used in the block: the change of the results
        when it moves by one step.

        A small error before rounding becomes a whole step where the value lies at a tie.
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
        """The largest change of every result of the block when OP's RESULT has errors up to OFF."""
        rest = widened_block(self.block, {}, op)
        reads = [widened_array(array) for array in self.reads]
        changes = [np.zeros(array.shape) for array in self.exact]
        # Errors of alternating sign are tried, too: a normalization cancels an offset common to all elements.
        turns = np.where(np.arange(off.size) % 2, 1.0, -1.0).reshape(off.shape)
        for signs in (1.0, -1.0, turns):
            plain = Evaluation(self.sums.module, self.sums.symbols)
            results = run_block(rest, [*reads, result + signs * off], plain)
            for change, moved, exact in zip(changes, results, self.exact, strict=True):
                apart = np.abs(moved.astype(np.float64) - exact.astype(np.float64))
                np.maximum(change, np.where(np.isnan(apart), 0.0, apart), out=change)
        return changes


class _Exact(Evaluation):
    """An evaluation of a copy of a block with OPS that keeps the results of the WANTED ones."""

    def __init__(self, sums: Sums, ops: Sequence[Operation], wanted: Sequence[Operation]) -> None:
        super().__init__(sums.module, sums.symbols)
        self._ops = iter(ops)
        self._wanted = set(wanted)
        self.results: dict[Operation, Array] = {}

    def executed(self, op: Operation, arguments: Sequence[Any], results: Sequence[Array]) -> None:
        original = next(self._ops)
        if original in self._wanted:
            self.results[original] = results[0]


def _gain(largest: float, size: float) -> float:
    """The factor by which following ops may enlarge errors of values up to SIZE, whose results reach up to
    LARGEST."""
    return max(1.0, largest / size) if size else 1.0


def _sum_error(op: Operation, product: _Product, unit: float, accumulation: Accumulation) -> Array:
    """The error bound of OP's sums under ACCUMULATION; UNIT is the unit roundoff of other arithmetic."""
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
    """Whether OP rounds a value computed in the block to 8-bit floats.

    Values that are only moved, or quantized as they were read, are the same on both sides.
    """
    if not op.results or not is_short(op.result.type.dtype) or has(op, Trait.CONSTANT) or keeps(op):
        return False
    value = op.inputs[0]
    while value.producer is not None and has(value.producer, Trait.MOVEMENT):
        value = value.producer.inputs[0]
    return value.producer is not None


def _inner_roundoff(block: Block, stored: TensorType) -> float:
    """The coarsest unit roundoff of values inside BLOCK, without its results and 8-bit floats.

    It includes the format to which a contraction rounds operands that are computed in the block: kernel and
    interpreter may round them to adjacent numbers.
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
