"""Facts: the lattice of the forward data-flow, which describes the numbers of a value in any format.

Floats that are inputs of a network, or products with weights, are *data*: choosing a 16-bit format assumes
that they fit, which `glassrt check` tests. More is known about numbers that come from integers, constants
and bounded functions; facts express that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntEnum

from ....dialects.core.dtypes import BOOL, DType

UNBOUNDED = math.inf


class NumberOrigin(IntEnum):
    """Where the numbers of a value come from, in lattice order: the join of several is the last of them."""

    CONSTANT = 0  # the model alone
    INTEGERS = 1  # integers and constants
    WEIGHTED = 2  # products of these with weights, and sums of these with data: features from here on
    DATA = 3  # floats of the inputs, or features


@dataclass(frozen=True)
class Fact:
    """LOW and HIGH bound the numbers, if nothing unknown is added to them.

    peak: a magnitude that they evidently reach, 0 where nothing is evident; levels: how far from 0 the
    integers lie that they come from, 0 where they come from none; whole: they are integers themselves;
    products: the most contractions on a way from the inputs; grows: they grow as an exponential or a
    power of data do; statistic: they are made of reductions of whole axes.
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
        """The largest distance from 0."""
        return max(abs(self.low), abs(self.high))

    @property
    def counted(self) -> bool:
        """Whether the numbers come from integers, possibly multiplied by weights."""
        return self.levels > 0 and self.origin in (NumberOrigin.INTEGERS, NumberOrigin.WEIGHTED)

    def within(self, low: float, high: float) -> Fact:
        """This with other bounds, the peak being what they allow. Of weights no bound may be known."""
        far = max(abs(low), abs(high))
        evident = self.origin is NumberOrigin.INTEGERS or (
            self.origin is NumberOrigin.CONSTANT and far < UNBOUNDED
        )
        return replace(self, low=low, high=high, peak=far if evident else self.peak)

    def absorbed(self, low: float = -UNBOUNDED, high: float = UNBOUNDED) -> Fact:
        """What a function gives whose results are features, whatever this is: its bounds are known alone."""
        constant = self.origin is NumberOrigin.CONSTANT
        known = Fact(self.origin if constant else NumberOrigin.DATA, low, high, products=self.products)
        return known.within(low, high) if constant else known


def integers(low: float = -UNBOUNDED, high: float = UNBOUNDED) -> Fact:
    """Integers between LOW and HIGH that are inputs, sizes or positions."""
    far = max(abs(low), abs(high), 1.0)
    return Fact(NumberOrigin.INTEGERS, low, high, peak=far, levels=far, whole=True)


def of_dtype(dtype: DType) -> Fact:
    """The fact about any number of DTYPE: data, or its integers, bounded if it has fewer than 32 bits."""
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
    """The join of FACTS: what holds for a value whose elements come unchanged from any of the values."""
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
    """The fact about a function of values with FACTS whose results are between LOW and HIGH."""
    return joined(facts).within(low, high)


def _statistic(facts: list[Fact]) -> bool:
    """Whether some of FACTS are of statistics, and all others of constants of the model."""
    rest = [fact for fact in facts if not fact.statistic]
    return len(rest) < len(facts) and all(fact.origin is NumberOrigin.CONSTANT for fact in rest)
