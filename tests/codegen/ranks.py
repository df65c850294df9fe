"""How specialised the families are that run kernels: what tests ask, instead of their names."""

from __future__ import annotations

from collections.abc import Callable

from glassrt.codegen.families.kernel_family import Rank
from glassrt.codegen.families.registry import families, tiers
from glassrt.codegen.request.request import Candidate, Request


def rank(family: str) -> Rank:
    """The rank of the family called FAMILY, of a launch or of a member of a group."""
    return families()[family].rank


def of_rank(wanted: Rank) -> Callable[[Request], Candidate]:
    """A choice of the best candidate whose family has the rank WANTED."""

    def choose(request: Request) -> Candidate:
        return next(found[0] for found in tiers(request) if rank(found[0].family) is wanted)

    return choose
