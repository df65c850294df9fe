"""Facts: the lattice of the forward data-flow, which describes a value's numbers independently of formats.

Floats that are inputs of a network, or products with weights, are *data*: choosing a 16-bit format assumes
that they fit, which `glassrt check` tests. More is known about numbers that come from integers, constants and
bounded functions; facts express that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntEnum

from ....dialects.core.dtypes import BOOL, DType

UNBOUNDED = math.inf


class NumberOrigin(IntEnum):
    """The origin of a value's numbers, in lattice order: the join of several origins is the last of them."""

    CONSTANT = 0  # constants of the model only
    INTEGERS = 1  # integers and constants
    WEIGHTED = 2  # products of integers with weights, and their sums with data: features
    DATA = 3  # floats of inputs, and all other features


@dataclass(frozen=True)
class Fact:
    """LOW and HIGH bound the numbers, unless data of unknown size is added.

    peak: a magnitude that they evidently reach, 0 if unknown; levels: the largest magnitude of the integers
    that they come from, 0 for other origins; whole: they are integers; products: the most contractions on a
    path from the inputs; grows: they grow exponentially or as a power of data; statistic: they are reductions
    over whole axes.
    """

    origin: NumberOrigin = NumberOrigin.DATA
    low: float = -UNBOUNDED
    high: float = UNBOUNDED
    peak: float = 0.0
    levels: float = 0.0
    whole: bool = False
    products: int = 0
    grows: bool = False
    statistic: bool = False

    @property
    def magnitude(self) -> float:
        """The largest magnitude within the bounds."""
        return max(abs(self.low), abs(self.high))

    @property
    def counted(self) -> bool:
        """Whether the numbers come from integers, possibly multiplied by weights."""
        return self.levels > 0 and self.origin in (NumberOrigin.INTEGERS, NumberOrigin.WEIGHTED)

    def within(self, low: float, high: float) -> Fact:
        """This fact with other bounds, and the peak that these allow. The bounds of weights may be
        unknown."""
        far = max(abs(low), abs(high))
        evident = self.origin is NumberOrigin.INTEGERS or (
            self.origin is NumberOrigin.CONSTANT and far < UNBOUNDED
        )
        return replace(self, low=low, high=high, peak=far if evident else self.peak)

    def absorbed(self, low: float = -UNBOUNDED, high: float = UNBOUNDED) -> Fact:
        """The fact about a function of this value whose results are features: only their bounds are known."""
        constant = self.origin is NumberOrigin.CONSTANT
        known = Fact(self.origin if constant else NumberOrigin.DATA, low, high, products=self.products)
        return known.within(low, high) if constant else known


def integers(low: float = -UNBOUNDED, high: float = UNBOUNDED) -> Fact:
    """The fact about integers between LOW and HIGH that are inputs, sizes or positions."""
    far = max(abs(low), abs(high), 1.0)
    return Fact(NumberOrigin.INTEGERS, low, high, peak=far, levels=far, whole=True)


def of_dtype(dtype: DType) -> Fact:
    """The fact about any number of DTYPE: data for floats, else integers, bounded for at most 16 bits."""
    if dtype.is_float:
        return Fact()
    if dtype == BOOL:
        return integers(0, 1)
    if dtype.bits > 16:
        return integers(0.0 if dtype.kind == "unsigned" else -UNBOUNDED)
    if dtype.kind == "unsigned":
        return integers(0, 2**dtype.bits - 1)
    return integers(-(2 ** (dtype.bits - 1)), 2 ** (dtype.bits - 1) - 1)


def joined(facts: list[Fact]) -> Fact:
    """The join of FACTS: it holds for a value whose elements come unchanged from any of the values."""
    return Fact(
        origin=max(fact.origin for fact in facts),
        low=min(fact.low for fact in facts),
        high=max(fact.high for fact in facts),
        peak=max(fact.peak for fact in facts),
        levels=max(fact.levels for fact in facts),
        whole=all(fact.whole for fact in facts),
        products=max(fact.products for fact in facts),
        grows=any(fact.grows for fact in facts),
        statistic=_statistic(facts),
    )


def combined(facts: list[Fact], low: float, high: float) -> Fact:
    """The fact about a function of values with FACTS, whose results lie between LOW and HIGH."""
    return joined(facts).within(low, high)


def _statistic(facts: list[Fact]) -> bool:
    """Whether FACTS are those of statistics and constants, with at least one statistic."""
    rest = [fact for fact in facts if not fact.statistic]
    return len(rest) < len(facts) and all(fact.origin is NumberOrigin.CONSTANT for fact in rest)
