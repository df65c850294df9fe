"""Architectures as values: the tables, names, and GPUs known by their driver alone."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch import names
from glassrt.codegen.arch.features import Feature
from glassrt.codegen.arch.known import CARDS, LIMITS
from glassrt.codegen.arch.names import REFERENCE, arch_named, arch_of_device
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.codegen.nvrtc.library import supported_targets
from glassrt.errors import UnsupportedError
from glassrt.runtime.cuda_device import device_figures
from glassrt.runtime.cuda_driver import Driver
from glassrt.runtime.launch_rules import MAX_SHARED_BYTES

from ...runtime.fake_driver import FakeDriver

KIB = 1 << 10
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


@pytest.mark.parametrize("name", supported_targets())
def test_features_need_each_other(name: str) -> None:
    has = arch_named(name).has
    assert has(Feature.CP_ASYNC, Feature.LDMATRIX, Feature.NAN_MAX, Feature.MMA_F16), "kernels need it"
    assert not has(Feature.MULTICAST) or has(Feature.TMA, Feature.CLUSTERS)
    assert not has(Feature.TMA) or has(Feature.TRANSACTION_BARRIERS)
    assert not (has(Feature.WGMMA) and has(Feature.TCGEN05))
    if not name.endswith(("a", "f")):
        assert not any(map(has, (Feature.WGMMA, Feature.TCGEN05, Feature.SETMAXNREG)))


@pytest.mark.parametrize(
    ("name", "threads", "shared", "registers", "blocks"),
    [
        ("sm_86", 64, 0, 0, 16),  # as many blocks as there may be, not the 24 that have threads enough
        ("sm_90a", 256, 0, 0, 8),
        ("sm_90a", 128, 56 * KIB, 0, 4),
        ("sm_90a", 128, 57 * KIB, 0, 3),  # each with the KiB that the system keeps
        ("sm_90a", 256, 0, 128, 2),
        ("sm_90a", 256, 0, 400, 1),  # a thread has 255 at most; the rest would spill
        ("sm_86", 128, 100 * KIB, 0, 0),
    ],
)
def test_a_multiprocessor_holds_what_all_its_limits_allow(
    name: str, threads: int, shared: int, registers: int, blocks: int
) -> None:
    assert arch_named(name).limits.resident(threads, shared, registers) == blocks


def test_the_suffix_is_part_of_an_architecture() -> None:
    plain, own = arch_named("sm_90"), arch_named("sm_90a")
    assert own.features - plain.features == {Feature.WGMMA, Feature.SETMAXNREG}
    assert not plain.features - own.features
    assert (plain.limits, plain.card, plain.fitted) == (own.limits, own.card, own.fitted)
    assert arch_named("sm_100a").has(Feature.TCGEN05) and arch_named("sm_100f").has(Feature.TCGEN05)
    assert not arch_named("sm_100f").has(Feature.TCGEN05_I8)
    assert not arch_named("sm_100").has(Feature.TCGEN05) and not arch_named("sm_100a").has(Feature.WGMMA)
    assert not arch_named("sm_120a").has(Feature.CLUSTERS)


def test_the_reference_is_what_choices_were_tuned_on() -> None:
    assert (REFERENCE.name, REFERENCE.card.title, REFERENCE.multiprocessors) == ("sm_90a", "H200", 132)
    assert (REFERENCE.bytes_per_second, REFERENCE.shared_bytes) == (4.0e12, 227 * KIB)
    assert REFERENCE.clock == 1755.0


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


def test_a_name_may_have_a_card() -> None:
    tuned = arch_named("sm_90a:h100-pcie")
    assert (tuned.name, tuned.multiprocessors) == ("sm_90a", 114)
    assert tuned.features == REFERENCE.features and tuned != REFERENCE
    assert arch_named("sm_90a:h200") == REFERENCE


@pytest.mark.parametrize("table", ["CARDS", "LIMITS", "FITTED"])
def test_a_generation_that_is_not_known_is_like_the_one_before(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {80: getattr(names, table)[80], 90: getattr(names, table)[90]}
    monkeypatch.setattr(names, table, known)

    def entry(name: str) -> object:
        arch = arch_named(name)
        return {"CARDS": arch.card, "LIMITS": arch.limits, "FITTED": arch.fitted.throughput}[table]

    assert entry("sm_86") == entry("sm_89") == entry("sm_80") != entry("sm_90")
    assert entry("sm_120") == entry("sm_90")


@pytest.mark.parametrize("name", ["sm_1", "sm_90b", "sm_75", "sm_90:", "sm_90a:a100", "sm_90a:H200", "90"])
def test_what_names_no_architecture_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        arch_named(name)
    assert caught.value.hint


# ---------------------------------------------------------------- by the driver's figures


def present(**changes: object) -> ArchSpec:
    driver = FakeDriver()
    for key, value in changes.items():
        setattr(driver, key, value)
    return arch_of_device(device_figures(Driver(driver), 0))


def test_a_gpu_that_no_table_knows_has_the_figures_of_its_driver() -> None:
    arch = present(capability=(8, 9))
    assert (arch.name, arch.card.title, arch.multiprocessors) == ("sm_89", "Some GPU", 60)
    assert arch.features == arch_named("sm_89").features
    assert arch.card.l2_bytes == 24 << 20 and arch.clock == 1500.0
    assert arch.card.peak_bytes_per_second == 2 * 2.0e9 * 3072 / 8
    assert arch.shared_bytes == 99 * KIB and arch.limits.threads_per_multiprocessor == 1536
    assert arch.limits.blocks_by_shared(49 * KIB) == 2


def test_a_gpu_that_is_known_is_the_card_of_the_table() -> None:
    assert present(gpu_name="NVIDIA H200") == REFERENCE
    assert present(gpu_name="NVIDIA H100 PCIe") == arch_named("sm_90a:h100-pcie")
    assert present(gpu_name="NVIDIA L40S", capability=(8, 9)) == arch_named("sm_89:l40s")


def test_a_gpu_that_is_newer_than_the_tables_is_one_all_the_same() -> None:
    arch = present(capability=(12, 1))
    assert arch.name == "sm_121a" and arch.has(Feature.MMA_BLOCK_SCALED)


def test_a_gpu_that_is_too_old_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="sm_75"):
        present(capability=(7, 5))


def test_a_plan_may_ask_for_what_the_largest_multiprocessor_has() -> None:
    assert max(limits.shared_per_block for limits in LIMITS.values()) == MAX_SHARED_BYTES


def test_a_generation_with_limits_of_its_own_has_a_card() -> None:
    assert LIMITS.keys() <= CARDS.keys()
