"""Decides which values stay f32, from the facts about them (forward) and the demands on them (backward).

positions = cast(i64) -> matmul(inverse frequencies) -> cos: all of it up to cos is f32
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import ml_dtypes

from ....dialects.core.dtypes import F32, TF32, DType
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function, Module
from ....dialects.fused import FusedKernel
from ...passes.manager import PassContext
from ...settings.formats import Format
from ...settings.policy import PrecisionPolicy
from .choices import deciding
from .demands import Demands, is_product
from .facts import Fact, NumberOrigin
from .forward import ForwardFacts
from .readers import STREAM, WIDE, Reader, Readers

KEPT_WIDE = "kept-wide"
TF32_DIGITS = 11


@dataclass(frozen=True)
class Wide:
    """The values and contractions that stay f32, each with the reason.

    values: results and operands of kernels that are not stored in 16 bits; products: the contractions that
    multiply their operands unrounded.
    """

    values: dict[Value, str] = field(default_factory=dict)
    products: dict[Operation, str] = field(default_factory=dict)


def digits(dtype: DType) -> int:
    """The significant binary digits of DTYPE."""
    return TF32_DIGITS if dtype == TF32 else int(ml_dtypes.finfo(dtype.numpy).nmant) + 1


def largest(dtype: DType) -> float:
    """The largest finite number of DTYPE."""
    return float(ml_dtypes.finfo((F32 if dtype == TF32 else dtype).numpy).max)


def not_held(fact: Fact, dtype: DType) -> str:
    """Why DTYPE cannot represent the numbers of FACT; empty where no reason is known."""
    held = 2.0 ** digits(dtype)
    if fact.counted and (fact.levels > held or (fact.whole and fact.peak > held)):
        return f"it comes from integers, which {dtype} holds exactly up to {held:.0f} only"
    if fact.peak > largest(dtype):
        return f"it reaches {fact.peak:.2g}, and the largest {dtype} is {largest(dtype):.5g}"
    return ""


def wide_of(module: Module, function: Function, context: PassContext) -> Wide:
    """The values and contractions of FUNCTION, at the graph or the fused level, that stay f32 under CONTEXT's
    policy.

    None where the rule is switched off.
    """
    policy = context.policy
    if KEPT_WIDE in context.disabled or not any(_lowers(format) for format in policy.formats):
        return Wide()
    return _Decisions(module, function, policy).wide


def wide_values(module: Module, function: Function, context: PassContext) -> frozenset[Value]:
    """The values of `wide_of` alone, for a pass that only has to know which they are."""
    return frozenset(wide_of(module, function, context).values)


def _lowers(format: Format) -> bool:
    return format.lowers or format.multiply != F32


class _Decisions:
    def __init__(self, module: Module, function: Function, policy: PrecisionPolicy) -> None:
        self._policy = policy
        self._facts = ForwardFacts(module, function)
        self._demands = Demands(function, self._facts)
        self._readers = Readers(function)
        self._deciding = deciding(function)
        self.wide = Wide()
        for op in _ops(function.block):
            self._decide(op)

    def _decide(self, op: Operation) -> None:
        if isinstance(op, FusedKernel):
            block = op.body.block
            for argument in block.arguments:
                self._keep(argument, self._policy.format_of(_first_reader(argument)))
            for value, given in zip(op.results, block.terminator.inputs, strict=True):
                self._keep(value, self._policy.format_of(given.producer))
        elif is_product(op):
            reason = self._multiplied(op)
            if reason:
                self.wide.products[op] = reason
        elif op.parent is not None and not op.regions:
            for value in op.results:
                self._keep(value, self._policy.format_of(op))

    def _keep(self, value: Value, format: Format) -> None:
        if value.type.dtype == F32 and format.lowers:
            reason = self._reason(value, format.storage)
            if reason:
                self.wide.values[value] = reason

    def _reason(self, value: Value, dtype: DType) -> str:
        fact = self._facts[value]
        reason = not_held(fact, dtype)
        if reason:
            return reason
        demand = self._demands.values.get(value)
        if not (fact.whole and fact.magnitude <= 2.0 ** digits(dtype)):
            if demand is not None:
                return demand.why
            if value in self._deciding:
                return "it decides a number of elements"
        readers = self._readers[value]
        if fact.grows and readers & WIDE:
            return "it grows as a power or an exponential does"
        if fact.statistic and Reader.ELEMENTWISE in readers:
            return "it is a statistic over whole axes"
        if STREAM in readers:
            return "it is a residual stream, which RMS norm reads unnormalized"
        return ""

    def _multiplied(self, op: Operation) -> str:
        """Why OP multiplies in f32; empty when it multiplies in its format."""
        format = self._policy.format_of(op)
        dtype = format.multiplied(F32)
        if op.inputs[0].type.dtype != F32 or dtype == F32:
            return ""
        facts = [self._facts[value] for value in op.inputs[:3]]
        reasons = (not_held(fact, dtype) for fact in facts if fact.origin is not NumberOrigin.CONSTANT)
        reason = next(filter(None, reasons), "")
        demand = self._demands.products.get(op)
        return reason or ("" if demand is None else demand.why)


def _ops(block: Block) -> Iterator[Operation]:
    for op in block:
        yield op
        for region in op.regions:
            yield from _ops(region.block)


def _first_reader(argument: Value) -> Operation | None:
    return next(iter(argument.users), None)
