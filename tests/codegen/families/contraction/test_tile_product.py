"""Products of tiles: random shapes under random configurations against numpy, and what is a candidate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.contraction.mma import MMA, MmaConfig
from glassrt.codegen.families.contraction.simt import SimtConfig
from glassrt.codegen.families.contraction.tile import TileConfig, Tiling
from glassrt.codegen.families.contraction.wgmma import WgmmaConfig
from hypothesis import HealthCheck, given, settings

from ...contraction_cases import TARGET, Case, bind, check, kernel_of, matmul, module_of, product_of, run_case
from .random_cases import convolutions, products

CONFIGS = (
    MmaConfig(16, 32, 128, 1, 1, 4, 3),
    MmaConfig(32, 32, 64, 1, 1, 2, 2),
    MmaConfig(32, 64, 64, 1, 2, 1, 4),
    MmaConfig(64, 32, 32, 2, 1, 1, 3),
    MmaConfig(32, 32, 32, 2, 1, 1, 3, splits=2),
    SimtConfig(32, 32, 32, 8, 8, 3),
    SimtConfig(16, 64, 32, 4, 16, 2, splits=2),
    WgmmaConfig(64, 64, 64, 1, 1, 4),
    WgmmaConfig(128, 128, 64, 1, 2, 3),
)
# With twice as many elements in a tile of k.
EIGHT_BIT_CONFIGS = (
    MmaConfig(32, 64, 64, 1, 2, 1, 4),
    MmaConfig(16, 32, 256, 1, 1, 4, 2),
    MmaConfig(32, 32, 64, 2, 1, 1, 3, splits=2),
    SimtConfig(32, 32, 64, 8, 8, 3),
    WgmmaConfig(64, 32, 128, 1, 1, 4),
    WgmmaConfig(128, 96, 128, 2, 1, 3),
)


def check_all(case: Case, configs: tuple[TileConfig, ...]) -> None:
    """The kernels of CASE under every legal one of CONFIGS, of which there is one at least."""
    kernels = []
    for number, config in enumerate(configs):
        product = product_of(config)
        legal = product.illegal(case.problem, config, TARGET) is None
        if product.unsupported(case.problem, TARGET) is None and legal:
            kernels.append(kernel_of(case, config, f"k{number}"))
    assert len(kernels) >= 2
    module = module_of(kernels)
    for kernel in kernels:
        check(case, run_case(case, kernel, module, runs=2), 2.0**-24)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(case=products() | convolutions())
def test_every_legal_configuration_agrees_with_numpy(case: Case) -> None:
    check_all(case, CONFIGS)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(case=products(eight_bits=True) | convolutions(eight_bits=True))
def test_eight_bits_are_summed_up_exactly(case: Case) -> None:
    """Bytes to the last bit, 8-bit floats within the roundings of f32 sums."""
    check_all(case, EIGHT_BIT_CONFIGS)


PRODUCT = matmul("f16", (512, 1024), (1024, 512))


def test_candidates_are_legal_and_the_fastest_first() -> None:
    problem = PRODUCT.problem
    found = MMA.candidates(problem, TARGET, most=200)
    prices = [MMA.cost(problem, config, TARGET) for config in found]
    assert prices == sorted(prices) and len(found) == len(set(found)) > 10
    assert all(MMA.illegal(problem, config, TARGET) is None for config in found)
    assert MMA.candidates(problem, TARGET, most=3) == found[:3]
    assert {config.splits for config in found} > {1}


def test_what_cannot_run_says_why() -> None:
    problem, config = PRODUCT.problem, MmaConfig(32, 32, 64, 1, 1, 2, 3)
    assert MMA.illegal(problem, config, TARGET) is None
    assert MMA.illegal(problem, replace(config, splits=12), TARGET) == "a split of k would be empty"
    assert MMA.illegal(problem, replace(config, stages=99), TARGET) == "not enough shared memory"
    assert MMA.candidates(matmul("f64", (64, 64), (64, 64)).problem, TARGET) == []
    old = replace(TARGET, features=frozenset())
    assert MMA.unsupported(problem, old) is not None and MMA.candidates(problem, old) == []


@pytest.mark.parametrize("config", [MmaConfig(64, 64, 64, 2, 2, 1, 4), WgmmaConfig(64, 64, 64, 1, 1, 4)])
def test_the_shared_memory_that_is_counted_is_that_of_the_kernel(config: TileConfig) -> None:
    case = matmul("f16", (512, 512), (512, 512), transpose_b=True)
    product = product_of(config)
    spec = product.specialize(case.problem, config, bind(case, "k", 1), TARGET)
    assert product.shared_bytes(case.problem, config, TARGET) == spec.shared_bytes
    assert spec.tiling == Tiling.of(config, TARGET) and spec.product == product.spec(case.problem, config)
