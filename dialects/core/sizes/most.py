"""The largest value of a size, by the ranges of its symbols and by sizes equal to it."""

from __future__ import annotations

from collections.abc import Iterator

from ..affine import Dim, exact_div
from ..bounds import bounds
from ..module import Module


def most(dim: Dim, module: Module) -> int | None:
    """An upper bound of DIM, a size, wherever the constraints of MODULE hold; None if there is none.

    A shape in an input may hold any numbers, but their product is the element count: for `S0*S1*4` with the
    constraint `S0*S1 == 12` the bound is 48.
    """
    found = [bounds(each, module.ranges)[1] for each in (dim, *_equals(dim, module))]
    return min((high for high in found if high is not None), default=None)


def _equals(dim: Dim, module: Module) -> Iterator[Dim]:
    """Sizes that constraints make equal to DIM. Only symbols in contents have ranges that are poor bounds."""
    for each in module.constraints if module.contents else ():
        if each.relation == "==":
            for side, other in ((each.left, each.right), (each.right, each.left)):
                times = None if isinstance(side, int) else exact_div(dim, side)
                if times is not None:
                    yield times * other
