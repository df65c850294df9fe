"""Replays the region of one launch in the interpreter, on the inputs that its kernel read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...codegen.interface import Accumulation, families
from ...dialects.core.interpreter import Array, Evaluation, run_block
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.core.types import TensorType
from ...dialects.graph.elementwise import Cast
from ...dialects.launch import Kernel
from ..kernels.members import Member, members_of
from .bounds import Bound, Execution, Sums
from .rounding import before_rounding, bytes_rounded, is_short
from .widen import widened_array, widened_block


def typed(memory: Array, type: TensorType, symbols: Mapping[str, int]) -> Array:
    """A copy of the bytes in MEMORY as a tensor of TYPE, in its logical shape at SYMBOLS."""
    evaluation = Evaluation(Module(), symbols)
    shape, dtype = evaluation.shape(type), type.dtype.numpy
    if 0 in shape:
        return np.empty(shape, dtype)
    strides = [evaluation.dim(stride) * dtype.itemsize for stride in type.strides]
    offset = evaluation.dim(type.layout.offset) * dtype.itemsize
    return np.ndarray(shape, dtype, memory.data, offset, strides).copy()


@dataclass(frozen=True)
class Replay:
    """The reference for what a launch writes.

    rounded: the results with the roundings of the precision level; exact: those of the same ops in f64;
    bounds: the error bound of each result against `rounded`; loaded: the contractions whose first operand is
    rounded while it is loaded, each with that operand in f64.
    """

    rounded: tuple[Array, ...]
    exact: tuple[Array, ...]
    bounds: tuple[Bound, ...]
    loaded: tuple[tuple[Operation, Array], ...] = ()


def replay(op: Kernel, reads: Sequence[Array], symbols: Mapping[str, int]) -> Replay:
    """Run OP's region on READS with its roundings and in f64; the members of a group one by one."""
    parts = [
        _replay_member(
            member,
            families()[member.family].accumulation,
            reads[member.reads],
            [value.type for value in op.writes[member.writes]],
            symbols,
        )
        for member in members_of(op)
    ]
    return Replay(
        rounded=tuple(array for part in parts for array in part.rounded),
        exact=tuple(array for part in parts for array in part.exact),
        bounds=tuple(bound for part in parts for bound in part.bounds),
        loaded=tuple(pair for part in parts for pair in part.loaded),
    )


def _replay_member(
    member: Member,
    accumulation: Accumulation,
    reads: Sequence[Array],
    kinds: Sequence[TensorType],
    symbols: Mapping[str, int],
) -> Replay:
    module, block = Module(), member.body
    keeping, sums = _Keeping(module, symbols, block, reads), Sums(module, symbols)
    with np.errstate(all="ignore"):
        rounded = run_block(block, reads, keeping)
        exact = run_block(widened_block(block, {}), [widened_array(a) for a in reads], sums)
        execution = Execution(block, accumulation, reads, sums, exact)
        bounds = tuple(_bound(execution, i, kind, rounded[i], keeping) for i, kind in enumerate(kinds))
    products = (op for op in block if has(op, Trait.CONTRACTION))
    operands = zip(products, sums.operands, strict=True)
    loaded = tuple((op, array) for op, array in operands if isinstance(op.inputs[0].producer, Cast))
    return Replay(rounded, exact, bounds, loaded)


class _Keeping(Evaluation):
    """An evaluation that keeps all intermediate values where a result of eight bits needs them."""

    def __init__(
        self, module: Module, symbols: Mapping[str, int], block: Block, reads: Sequence[Array]
    ) -> None:
        super().__init__(module, symbols)
        results = block.terminator.inputs
        self._wanted = any(is_short(value.type.dtype) or bytes_rounded(value) for value in results)
        self.kept: dict[Value, Array] = dict(zip(block.arguments, reads, strict=True))

    def executed(self, op: Operation, arguments: Sequence[Any], results: Sequence[Array]) -> None:
        if self._wanted:
            self.kept.update(zip(op.results, results, strict=True))


def _bound(execution: Execution, position: int, stored: TensorType, want: Array, keeping: _Keeping) -> Bound:
    allowed = execution.allowed(position, stored, want)
    block, plain = execution.block, Evaluation(keeping.module, keeping.symbols)
    rounded = bytes_rounded(block.terminator.inputs[position])
    if rounded is not None:
        return Bound(stored.dtype, allowed, rounded.before(keeping.kept, plain))
    if not is_short(stored.dtype):
        return Bound(stored.dtype, allowed)
    before = before_rounding(block, block.terminator.inputs[position], keeping.kept, plain)
    return Bound(stored.dtype, allowed, before)
