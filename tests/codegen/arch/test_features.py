"""Instructions of an architecture: which need each other, and what a suffix adds."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.features import Feature
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.nvrtc.library import supported_targets


@pytest.mark.parametrize("name", supported_targets())
def test_features_need_each_other(name: str) -> None:
    has = arch_named(name).has
    assert has(Feature.CP_ASYNC, Feature.LDMATRIX, Feature.NAN_MAX, Feature.MMA_F16), "kernels need it"
    assert not has(Feature.MULTICAST) or has(Feature.TMA, Feature.CLUSTERS)
    assert not has(Feature.TMA) or has(Feature.TRANSACTION_BARRIERS)
    assert not (has(Feature.WGMMA) and has(Feature.TCGEN05))
    if not name.endswith(("a", "f")):
        assert not any(map(has, (Feature.WGMMA, Feature.TCGEN05, Feature.SETMAXNREG)))


def test_the_suffix_is_part_of_an_architecture() -> None:
    plain, own = arch_named("sm_90"), arch_named("sm_90a")
    assert own.features - plain.features == {Feature.WGMMA, Feature.SETMAXNREG}
    assert not plain.features - own.features
    assert (plain.limits, plain.card, plain.fitted) == (own.limits, own.card, own.fitted)
    assert arch_named("sm_100a").has(Feature.TCGEN05) and arch_named("sm_100f").has(Feature.TCGEN05)
    assert not arch_named("sm_100f").has(Feature.TCGEN05_I8)
    assert not arch_named("sm_100").has(Feature.TCGEN05) and not arch_named("sm_100a").has(Feature.WGMMA)
    assert not arch_named("sm_120a").has(Feature.CLUSTERS)
