"""Traits are asked of any object, and only ops have them."""

from __future__ import annotations

from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.traits import Trait, has


def test_only_ops_have_traits() -> None:
    assert has(Return(), Trait.TERMINATOR) and not has(Return(), Trait.OPEN)
    assert not has(object(), Trait.TERMINATOR) and not has(None, Trait.TERMINATOR)
    assert len({hash(trait) for trait in Trait}) == len(Trait)
