"""Replays one launch's region in the interpreter, on the inputs that its kernel had."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...dialects.core.interpreter import Array, Evaluation, run_block
from ...dialects.core.ir import Block, Module, Operation
from ...dialects.core.traits import Trait, has
from ...dialects.core.types import TensorType
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.numeric import compute_dtype
from ...dialects.launch import Kernel
from ..launch_members import members_of
from .measures import largest_finite, roundoff
from .widen import widened_array, widened_block

# What a kernel may differ from the interpreter by, in unit roundoffs of the largest result: for the
# rounding of the result on both sides, and for arithmetic in another order along a chain of ops.
STORING, ARITHMETIC, ARITHMETIC_PER_STEP = 4.0, 16.0, 6.0
SUM = 2.0  # c in the bound of sums, c·sqrt(K)·u·(|A||B|)


def typed(memory: Array, type: TensorType, symbols: Mapping[str, int]) -> Array:
    """The bytes in MEMORY as a tensor of TYPE, in its logical shape; a copy."""
    evaluation = Evaluation(Module(), symbols)
    shape, dtype = evaluation.shape(type), type.dtype.numpy
    if 0 in shape:
        return np.empty(shape, dtype)
    strides = [evaluation.dim(stride) * dtype.itemsize for stride in type.strides]
    offset = evaluation.dim(type.layout.offset) * dtype.itemsize
    return np.ndarray(shape, dtype, memory.data, offset, strides).copy()


@dataclass(frozen=True)
class Replay:
    """What a launch should have written.

    rounded: as the precision level says, rounded where kernels round; exact: the same ops in f64;
    allowed: by how much each written tensor may differ from `rounded`, element by element;
    loaded: the contractions whose first operand is rounded while it is loaded, with the operand as it is
    in the replay in f64.
    """

    rounded: tuple[Array, ...]
    exact: tuple[Array, ...]
    allowed: tuple[float, ...]
    loaded: tuple[tuple[Operation, Array], ...] = ()


def replay(op: Kernel, reads: Sequence[Array], symbols: Mapping[str, int]) -> Replay:
    """Run OP's region on READS, once with its roundings and once without; a group's members one by one."""
    parts = [
        _replay_block(m.body, reads[m.reads], [value.type for value in op.writes[m.writes]], symbols)
        for m in members_of(op)
    ]
    return Replay(
        rounded=tuple(array for part in parts for array in part.rounded),
        exact=tuple(array for part in parts for array in part.exact),
        allowed=tuple(bound for part in parts for bound in part.allowed),
        loaded=tuple(pair for part in parts for pair in part.loaded),
    )


def _replay_block(
    block: Block, reads: Sequence[Array], kinds: Sequence[TensorType], symbols: Mapping[str, int]
) -> Replay:
    module = Module()
    watch = _Sums(module, symbols)
    with np.errstate(all="ignore"):
        rounded = run_block(block, reads, Evaluation(module, symbols))
        exact = run_block(widened_block(block, {}), [widened_array(a) for a in reads], watch)
    allowed = (_allowed(block, kind, a, watch) for kind, a in zip(kinds, rounded, strict=True))
    products = (op for op in block if has(op, Trait.CONTRACTION))
    operands = zip(products, watch.operands, strict=True)
    loaded = tuple((op, array) for op, array in operands if isinstance(op.inputs[0].producer, Cast))
    return Replay(rounded, exact, tuple(allowed), loaded)


class _Sums(Evaluation):
    """Notes the contraction on the way: its first operand, and sqrt(K)·max(|A||B|), over the largest
    element of its result.

    Sums of integers are exact: they count for nothing.
    """

    def __init__(self, module: Module, symbols: Mapping[str, int]) -> None:
        super().__init__(module, symbols)
        self.growth = 0.0
        self.size = 0.0
        self.operands: list[Array] = []

    def executed(self, op: Operation, arguments: Sequence[Any], results: Sequence[Array]) -> None:
        if not has(op, Trait.CONTRACTION):
            return
        self.operands.append(arguments[0])
        if not results[0].size or not op.results[0].type.dtype.is_float:
            return
        terms = self.dim(op.flops()) / (2 * results[0].size)
        magnitudes = op.evaluate(self, *(None if a is None else np.abs(a) for a in arguments))
        self.growth += math.sqrt(max(terms, 1.0)) * largest_finite(magnitudes)
        self.size = max(self.size, largest_finite(results[0]))


def _allowed(block: Block, stored: TensorType, want: Array, sums: _Sums) -> float:
    """The bound on the difference of any element of WANT: that of the result's rounding, of the arithmetic
    before it, and of the sum in it, by which later ops may have multiplied."""
    if not stored.dtype.is_float:
        return 0.0
    largest = largest_finite(want)
    inner = _inner_roundoff(block, stored)
    steps = ARITHMETIC + ARITHMETIC_PER_STEP * math.sqrt(len(block))
    gain = max(1.0, largest / sums.size) if sums.size else 1.0
    return STORING * roundoff(stored.dtype) * largest + inner * (steps * largest + SUM * gain * sums.growth)


def _rounds_computed(op: Operation) -> bool:
    computed = any(v.producer is not None and not has(v.producer, Trait.CONSTANT) for v in op.inputs)
    return computed and op.attributes.get("multiply") is not None


def _inner_roundoff(block: Block, stored: TensorType) -> float:
    """The coarsest unit roundoff that BLOCK rounds to before its results.

    Operands of a product that are computed on the way may be rounded to its format from neighbours.
    """
    yielded = set(block.terminator.inputs)
    inner = [
        roundoff(value.type.dtype)
        for op in block
        if not has(op, Trait.CONSTANT)
        for value in op.results
        if value not in yielded
    ]
    inner += [roundoff(op.attributes["multiply"]) for op in block if _rounds_computed(op)]
    return max(inner, default=0.0) or roundoff(compute_dtype(stored.dtype))
