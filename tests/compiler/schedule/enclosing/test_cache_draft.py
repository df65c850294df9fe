"""Drafts of attention with the writes of its caches: what they read, write and leave out."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.schedule.enclosing.cache_draft import CacheDraft, drafts_with_caches
from glassrt.compiler.schedule.enclosing.record import JOIN_CACHES
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.launch import Kernel, kernels_in

from .cached_networks import CachedNetwork
from .networks import launched


def draft_of(network: CachedNetwork) -> tuple[Module, CacheDraft | None]:
    """The draft of the only attention of NETWORK, at whose launches nothing is joined."""
    module, _ = launched(network.module(), disabled=frozenset({JOIN_CACHES, "group-launches"}))
    attention = next(op for op in kernels_in(module.main.block) if _attends(op))
    found = drafts_with_caches(attention)
    assert all(isinstance(draft, CacheDraft) for draft in found)
    return module, found[0] if found else None  # type: ignore[return-value]


def _attends(kernel: Kernel) -> bool:
    return any(isinstance(op, Attention) for op in kernel.body.block)


def test_buffers_are_read_once_and_caches_are_written() -> None:
    _, draft = draft_of(CachedNetwork())
    assert draft is not None and len(draft.ops) == 4 and draft.lead is draft.attention
    assert len(draft.reads) == len(set(draft.reads)) == 7 and len(draft.writes) == 3
    assert len(draft.between) == 1  # the queries
    results = draft.region.terminator.inputs
    assert [value.type.shape[-2] for value in results] == [1, 256, 256]


def test_queries_that_others_read_are_read() -> None:
    _, draft = draft_of(CachedNetwork(read=True))
    assert draft is not None and len(draft.ops) == 3 and not draft.between


@pytest.mark.parametrize("network", [CachedNetwork(in_place=False)], ids=str)
def test_without_caches_there_is_none(network: CachedNetwork) -> None:
    assert draft_of(network)[1] is None


def test_the_launch_is_what_launches_were() -> None:
    network = CachedNetwork(masked=True)
    module, _ = launched(network.module())
    given = random_inputs(network.module(), np.random.default_rng(0)) | {"at": np.array([5])}
    want = interpret(network.module(), {name: array.copy() for name, array in given.items()})
    have = interpret(module, given)
    for name, array in want.items():
        np.testing.assert_allclose(have[name], array, rtol=4e-3, atol=4e-3)
