"""The contractions of a bottleneck, each as a request of its own."""

from __future__ import annotations

from glassrt.codegen.families.bottleneck.parts import find_parts
from glassrt.dialects.core.types import channels_last

from ..chained.chains import Case as Chain
from ..chained.chains import module_of, request_of
from .blocks import Case


def test_parts_follow_each_other() -> None:
    request = request_of(Case((2, 9, 11), 64, 32, 128, 64).module())
    parts = find_parts(request)
    assert parts is not None and parts.second is not None
    problems = [half.contraction.problem for half in parts.all]
    assert [(each.taps, each.k, each.n) for each in problems] == [(9, 576, 32), (1, 32, 128), (1, 128, 64)]
    inner = parts.first.request.region.arguments[-1].type
    assert inner == parts.head.request.writes[0] and inner.layout == channels_last(4)
    assert parts.second.request.region.arguments[-1].type == request.writes[0]
    assert [half.request.writes[0] for half in parts.products] == list(request.writes)


def test_the_last_one_may_be_missing() -> None:
    parts = find_parts(request_of(Case((2, 9, 11), 64, 32, 128).module()))
    assert parts is not None and parts.second is None and len(parts.all) == 2


def test_other_regions_have_none() -> None:
    assert find_parts(request_of(module_of(Chain(200, 64, 128, 64)))) is None
