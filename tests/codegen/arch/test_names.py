"""Architectures by the name of a target, and by what the driver says of a GPU."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch import names
from glassrt.codegen.arch.features import Feature
from glassrt.codegen.arch.known import KIB
from glassrt.codegen.arch.names import REFERENCE, arch_named, arch_of_device
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.errors import UnsupportedError
from glassrt.runtime.cuda_device import device_figures
from glassrt.runtime.cuda_driver import Driver

from ...runtime.fake_driver import FakeDriver


def test_the_reference_is_what_choices_were_tuned_on() -> None:
    assert (REFERENCE.name, REFERENCE.card.title, REFERENCE.multiprocessors) == ("sm_90a", "H200", 132)
    assert (REFERENCE.bytes_per_second, REFERENCE.shared_bytes) == (4.0e12, 227 * KIB)
    assert REFERENCE.clock == 1755.0


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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sm90", "is sm_90 meant?"),
        ("90a", "is sm_90a meant?"),
        ("SM_90A", "is sm_90a meant?"),
        ("compute_90", "is sm_90 meant?"),
        ("h100", "is sm_90a:h100 meant?"),
        ("rtx-5090", "is sm_120a:rtx5090 meant?"),
        ("sm_75", "is too old"),
        ("sm_70:v100", "is too old"),
    ],
)
def test_a_slip_is_answered_with_what_is_near(name: str, said: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        arch_named(name)
    assert said in str(caught.value)


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
