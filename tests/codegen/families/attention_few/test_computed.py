"""What blocks of attention compute before the keys: which statements, and from what."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.attention_few.cached import cached_attention
from glassrt.codegen.families.attention_few.computed import ComputedSpec, computed_spec
from glassrt.codegen.families.attention_few.family import find
from glassrt.codegen.interface import make_request
from glassrt.codegen.request.request import Request
from glassrt.codegen.request.signature import make_signature

from ....compiler.schedule.enclosing.cached_networks import CachedNetwork
from ....compiler.schedule.enclosing.test_cache_draft import draft_of


def request_of(network: CachedNetwork) -> Request:
    module, draft = draft_of(network)
    assert draft is not None
    return make_request(module, draft.region, draft.reads, draft.writes, REFERENCE, "kernel")


def spec_of(request: Request) -> ComputedSpec:
    cached, found = cached_attention(request), find(request)
    assert cached is not None and found is not None
    return computed_spec(request, cached, *found, make_signature(request))


def test_places_that_callers_give_are_known_early() -> None:
    request = request_of(CachedNetwork())
    assert spec_of(request).early
    assert not spec_of(replace(request, given=frozenset(), known={})).early


def test_new_elements_go_to_the_caches_at_their_place() -> None:
    spec = spec_of(request_of(CachedNetwork()))
    assert "new_place*64" in spec.key.store and spec.key.store.startswith("store(y1")
    assert "new_place*64" in spec.value.store and spec.value.store.startswith("store(y2")
    assert any("mul_" in line for line in spec.query) and not any("mul_" in line for line in spec.value.body)
