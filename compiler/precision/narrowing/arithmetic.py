"""Transfer functions of the forward data-flow for elementwise ops: from operand facts to the result's
fact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ....dialects.core.ir import Operation, Value
from ....dialects.graph.activations import Relu
from ....dialects.graph.binary import Add, Div, Max, Min, Mod, Mul, Pow, Sub
from ....dialects.graph.elementwise import Cast, Clip, Where
from ....dialects.graph.unary import Abs, Ceil, Exp, Floor, Log, Neg, Reciprocal, Round, Sqrt
from .facts import UNBOUNDED, Fact, NumberOrigin, combined, integers, joined, of_dtype
from .growth import MODEST, grows
from .intervals import numbers_of

# Sums and selections: the result is about as large as the largest operand.
ADDITIVE = (Add, Sub, Where, Max, Min)
# Arithmetic that keeps the fact that its operands come from integers.
ARITHMETIC = (*ADDITIVE, Mul, Div, Mod, Neg, Abs, Floor, Ceil, Round, Relu, Exp, Log, Sqrt, Pow, Reciprocal)
WHOLE = (Floor, Ceil, Round)
# Ops whose results scale with their operands; activations are not among them.
LINEAR = (*ADDITIVE, Mul, Div, Neg, Abs, *WHOLE)
KEEPS_WHOLE = (Add, Sub, Mul, Where, Max, Min, Mod, Neg, Abs, Relu, *WHOLE)


def elementwise_fact(op: Operation, operands: Sequence[Value], facts: Sequence[Fact]) -> Fact:
    """The fact about the result of OP, whose data operands OPERANDS have FACTS."""
    if not op.result.type.dtype.is_float:
        return _whole_numbers(op, facts)
    if isinstance(op, Cast):
        return facts[0]
    if isinstance(op, Clip):
        return _clipped(facts)
    low, high = numbers_of(op, [(fact.low, fact.high) for fact in facts])
    found = _counted(op, facts, low, high) if isinstance(op, ARITHMETIC) else None
    whole = isinstance(op, WHOLE) or (isinstance(op, KEEPS_WHOLE) and all(fact.whole for fact in facts))
    return replace(
        joined(list(facts)).absorbed(low, high) if found is None else found,
        whole=whole,
        grows=grows(op, operands, facts, low, high),
        statistic=joined(list(facts)).statistic,
    )


def _counted(op: Operation, facts: Sequence[Fact], low: float, high: float) -> Fact | None:
    """The fact about arithmetic on values that come from integers or evidently exceed a range; None for other
    values."""
    found = combined(list(facts), low, high)
    if found.origin <= NumberOrigin.INTEGERS:
        return replace(found, levels=_levels(op, facts))
    activates = isinstance(op, Relu) and found.products > 0
    if not isinstance(op, (*LINEAR, Relu)) or activates:
        return None
    found = replace(found, peak=_peak(op, facts))
    if found.origin is NumberOrigin.WEIGHTED:
        return found
    # Weighted integers are features: combined with data they lose their integer origin. So do quotients by
    # integers, which are as large as their dividends.
    factors = facts[:1] if isinstance(op, Div) else facts
    exact = found.products == 0
    if any(fact.counted and (exact or fact.origin is NumberOrigin.INTEGERS) for fact in factors):
        return replace(found, origin=NumberOrigin.WEIGHTED)
    return replace(found, origin=NumberOrigin.DATA, levels=0.0)


def _levels(op: Operation, facts: Sequence[Fact]) -> float:
    """The largest magnitude of the integers that OP's result comes from, while distinct integers stay
    distinct."""
    levels = [fact.levels for fact in facts]
    if isinstance(op, (Add, Sub)):
        return sum(levels)
    if isinstance(op, Mul) and any(levels):
        return math.prod(max(level, 1.0) for level in levels)
    return max(levels)


def _peak(op: Operation, facts: Sequence[Fact]) -> float:
    """A magnitude that OP's result evidently reaches: sums of large values are large, scaled ones need not
    be."""
    if isinstance(op, Mul):
        return 0.0 if any(fact.peak == 0 for fact in facts) else math.prod(fact.peak for fact in facts)
    if isinstance(op, Div):
        least = min(abs(facts[1].low), abs(facts[1].high))
        return (
            facts[0].peak / least if facts[1].origin is NumberOrigin.CONSTANT and least > 0 else facts[0].peak
        )
    limits = isinstance(op, (Max, Min))
    return max(fact.peak for fact in facts if not (limits and fact.origin is NumberOrigin.CONSTANT))


def _clipped(facts: Sequence[Fact]) -> Fact:
    """The fact about a clip: within its limits, if these are constants."""
    x, *limits = facts
    known = [fact for fact in limits if fact.origin is NumberOrigin.CONSTANT]
    if len(known) < len(limits) or not known:
        return replace(joined(list(facts)), low=-UNBOUNDED, high=UNBOUNDED)
    low = max(x.low, min(fact.low for fact in known)) if len(known) == 2 else x.low
    high = min(x.high, max(fact.high for fact in known)) if len(known) == 2 else x.high
    far = max(abs(low), abs(high))
    levels = min(x.levels, far) if x.whole else x.levels
    still = x.grows and far > MODEST
    return replace(x, low=low, high=high, peak=min(x.peak, far), levels=levels, grows=still)


def _whole_numbers(op: Operation, facts: Sequence[Fact]) -> Fact:
    """The fact about integers and booleans; integers of quantized networks count as data."""
    dtype = op.result.type.dtype
    every = of_dtype(dtype)
    if not dtype.is_integer:
        return every
    found = joined(list(facts))
    if isinstance(op, Cast) and op.x.type.dtype.is_float:
        low, high = max(found.low, every.low), min(found.high, every.high)
        return integers(low, high)
    if found.origin >= NumberOrigin.WEIGHTED:
        return replace(found.absorbed(), whole=True)
    if found.origin is NumberOrigin.CONSTANT and not isinstance(op, ARITHMETIC):
        return every
    inside = [(fact.low, fact.high) for fact in facts]
    low, high = inside[0] if isinstance(op, Cast) else numbers_of(op, inside)
    low, high = max(low, every.low), min(high, every.high)
    return integers(low, high)
