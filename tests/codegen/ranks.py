"""How specialised the families are that run kernels: what tests ask, instead of their names."""

from __future__ import annotations

from glassrt.codegen.families.kernel_family import Rank
from glassrt.codegen.families.registry import families


def rank(family: str) -> Rank:
    """The rank of the family called FAMILY, of a launch or of a member of a group."""
    return families()[family].rank
