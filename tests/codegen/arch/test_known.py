"""Tables of cards: figures as published, for every generation."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.features import Feature
from glassrt.codegen.arch.known import CARDS, KIB, LIMITS
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.nvrtc.library import supported_targets
from glassrt.runtime.launch_rules import MAX_SHARED_BYTES

CARD_NAMES = [f"sm_{capability}:{card.name}" for capability, cards in CARDS.items() for card in cards]


@pytest.mark.parametrize("name", [*supported_targets(), *CARD_NAMES])
def test_figures_are_sane(name: str) -> None:
    arch = arch_named(name)
    limits, card = arch.limits, arch.card
    assert arch.name == name.partition(":")[0]
    assert limits.shared_per_block + limits.reserved_shared == limits.shared_per_multiprocessor
    assert limits.shared_per_block % KIB == 0 and 99 * KIB <= limits.shared_per_block <= 227 * KIB
    assert limits.threads_per_block <= limits.threads_per_multiprocessor <= 2048
    assert 16 <= limits.blocks_per_multiprocessor <= 32
    assert 8 <= card.multiprocessors <= 200 and 1e9 < card.clock <= card.boost < 3e9
    assert 0.6 < card.bytes_per_second / card.peak_bytes_per_second < 0.95
    rates = arch.fitted.throughput
    assert 0 < rates.mma <= card.tensor.f16 and 0 < rates.simt <= card.tensor.f32
    assert card.tensor.tf32 <= card.tensor.f16 <= card.tensor.i8
    assert arch.has(Feature.MMA_F8) == (card.tensor.f8 > 0)
    assert arch.has(Feature.CLUSTERS) == (limits.cluster > 1)
    assert arch_named(name) == arch and hash(arch_named(name)) == hash(arch)


# Dense TFLOP/s of fp16 with sums in f32, and TB/s, from the datasheets.
PUBLISHED = {
    "sm_80:a100": (312, 2.039),
    "sm_86:a40": (149.7, 0.696),
    "sm_89:l40s": (366, 0.864),
    "sm_90:h100": (989, 3.35),
    "sm_90:h100-pcie": (756, 2.0),
    "sm_90:h200": (989, 4.8),
    "sm_100:b200": (2250, 8.0),
    "sm_120:rtx5090": (209.5, 1.792),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_cards_have_their_published_peaks(name: str) -> None:
    card = arch_named(name).card
    tera, bandwidth = PUBLISHED[name]
    assert card.tensor.f16 * card.multiprocessors * card.boost / 1e12 == pytest.approx(tera, rel=0.03)
    assert card.peak_bytes_per_second == pytest.approx(bandwidth * 1e12)


def test_a_plan_may_ask_for_what_the_largest_multiprocessor_has() -> None:
    assert max(limits.shared_per_block for limits in LIMITS.values()) == MAX_SHARED_BYTES


def test_a_generation_with_limits_of_its_own_has_a_card() -> None:
    assert LIMITS.keys() <= CARDS.keys()
