"""Contractions of a region that has several, as requests of their own."""

from __future__ import annotations

from glassrt.codegen.families.contraction.part import needed, part_of
from glassrt.dialects.core.traits import Trait, has

from ..chained.chains import Case, module_of, request_of


def test_a_part_has_what_its_result_needs() -> None:
    request = request_of(module_of(Case(200, 64, 128, 64)))
    middle, last = request.region.terminator.inputs
    first, rest = needed(middle, ()), needed(last, (middle,))
    assert not set(first) & set(rest) and set(first) | set(rest) == set(request.ops)
    assert set(needed(last, ())) == set(request.ops)
    part = part_of(request, rest, last, request.writes[1], [(middle, request.writes[0])])
    assert part is not None and len(part.request.ops) == len(rest)
    assert part.request.reads == (*request.reads, request.writes[0])
    assert part.request.weights == request.weights
    assert part.contraction.root.inputs[0] is part.request.region.arguments[-1]


def test_what_holds_no_contraction_is_none() -> None:
    request = request_of(module_of(Case(200, 64, 128, 64)))
    middle = request.region.terminator.inputs[0]
    root = next(op for op in request.ops if has(op, Trait.CONTRACTION))
    behind = [op for op in needed(middle, ()) if op is not root]
    assert part_of(request, behind, middle, request.writes[0], [(root.result, root.result.type)]) is None
