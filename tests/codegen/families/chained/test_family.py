"""The family of chained contractions: its kernels against the interpreter, and what it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.chained.config import ChainedConfig, configurations
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32, I8
from glassrt.dialects.core.module import SymbolRange
from hypothesis import given, settings
from hypothesis import strategies as st

from ...contraction_cases import TARGET
from ...one_kernel import plan_of
from .chains import ACTIVATIONS, NAME, Case, chain_of, check, configured, module_of, request_of

KEPT, STREAMED = ChainedConfig(2, 128, 2, 3, 2), ChainedConfig(3, 64, 4, 2, 2)
DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
SOME = {
    "weights stay": (Case(200, 64, 128, 64), KEPT),
    "weights come and go": (Case(300, 72, 256, 24), STREAMED),
    "lines of a quarter": (Case(130, 48, 48, 40), ChainedConfig(2, 32, 2, 2, 3)),
    "one chunk": (Case(130, 40, 64, 16), ChainedConfig(2, 128, 2, 2, 1)),
    "without a residual": (Case(200, 136, 128, 96, residual=False), KEPT),
    "three buffers without one": (Case(200, 64, 192, 64, residual=False), ChainedConfig(2, 128, 2, 3, 3)),
    "nothing but sums": (Case(200, 64, 128, 64, residual=False, bias=False, first=None, second=None), KEPT),
    "columns that end in a tile": (Case(200, 72, 128, 200), ChainedConfig(2, 128, 2, 2, 2)),
    "bytes": (Case(200, 80, 256, 48, I8), KEPT),
    "bytes without a residual": (Case(200, 64, 256, 96, I8, residual=False), ChainedConfig(3, 64, 4, 2, 2)),
    "bf16": (Case(200, 64, 128, 64, BF16), KEPT),
    "pixels": (Case(3, 64, 128, 64, image=(7, 9)), KEPT),
    "pixels of bytes": (Case(3, 64, 128, 64, I8, image=(7, 9)), ChainedConfig(2, 64, 2, 2, 2)),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", SOME)
def test_results_are_those_of_two_contractions(name: str, device: str) -> None:
    check(*SOME[name], device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("slots", [1, 2])
def test_blocks_have_several_tiles(slots: int, turned: int, device: str) -> None:
    """More than the 132 blocks have at once; the last tile has rows for one warpgroup only."""
    case = Case(128 * 132 * 2 + 40, 16, 64 if slots == 1 else 192, 8)
    check(case, ChainedConfig(2, 128, 2, 2, slots, turned), device)


@pytest.mark.parametrize("rows", [1, 65, 700])
def test_rows_may_be_known_at_run_time_only(rows: int) -> None:
    check(Case(symbol("M"), 64, 128, 64), KEPT, M=rows)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, ChainedConfig]:
    dtype = draw(st.sampled_from([F16, I8]))
    step = 16 // dtype.bytes
    case = Case(
        draw(st.integers(1, 400)),
        draw(st.integers(1, 18)) * step,
        draw(st.integers(1, 12)) * 2 * step,
        draw(st.integers(1, 16)) * step,
        dtype,
        *(draw(st.booleans()) for _ in range(2)),
        *(draw(st.sampled_from(ACTIVATIONS)) for _ in range(2)),
    )
    chain = chain_of(case)
    assert not isinstance(chain, str), chain
    request = request_of(module_of(case))
    found = [ChainedConfig(**each.config) for each in families()[NAME].propose(request)]  # type: ignore[arg-type]
    return case, draw(st.sampled_from(found)) if found else KEPT


@settings(deadline=None, max_examples=8)
@given(cases(), st.integers(0, 99))
def test_any_sizes_and_configurations(drawn: tuple[Case, ChainedConfig], seed: int) -> None:
    case, config = drawn
    if families()[NAME].propose(request_of(module_of(case))):
        check(case, config, seed=seed)


def test_a_pair_is_taken_by_it_alone() -> None:
    request = request_of(module_of(Case(6272, 64, 256, 64)))
    assert {each.family for each in candidates(request)} == {NAME}
    times = [each.microseconds for each in families()[NAME].propose(request)]
    assert times == sorted(times) and times


@pytest.mark.parametrize(
    "case",
    [
        Case(200, 64, 120, 64),  # chunks of 16 columns at least
        Case(200, 64, 128, 264),  # more columns than wgmma has
        Case(200, 60, 128, 64),  # rows of A begin within 16 bytes
        Case(200, 64, 128, 36),  # rows of the result do
        Case(200, 64, 128, 64, F32),
    ],
    ids=["chunk", "columns", "depth", "result", "f32"],
)
def test_what_it_does_not_take(case: Case) -> None:
    assert not families()[NAME].propose(request_of(module_of(case)))


def test_only_targets_with_bulk_copies_have_it() -> None:
    family = families()[NAME]
    assert family.runs_on(TARGET)
    assert not any(family.runs_on(arch_named(name)) for name in ("sm_80", "sm_89", "sm_90", "sm_120a"))


def test_a_configuration_that_is_not_legal_is_refused() -> None:
    request = request_of(module_of(SOME["weights stay"][0]))
    for changed in ({"slots": 3}, {"groups": 4}, {"line": 48}):
        with pytest.raises(ValueError):
            families()[NAME].realize(request, vars(replace(KEPT, **changed)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["weights stay", "weights come and go", "without a residual", "bytes"])
def test_emitted_text(name: str, golden: Any) -> None:
    case, config = SOME[name]
    (source,) = plan_of(module_of(case), configured(config)).sources.values()
    assert source == golden.at(f"{name}.cu")


@pytest.mark.parametrize("dtype", [F16, I8], ids=str)
@pytest.mark.parametrize(("k", "n", "columns"), [(64, 256, 64), (128, 512, 128), (128, 512, 256)])
def test_no_kernel_spills(k: int, n: int, columns: int, dtype: Any) -> None:
    case = Case(25088, k, n, columns, dtype)
    chain = chain_of(case)
    assert not isinstance(chain, str)
    sources = {}
    for config in configurations(chain.extents, TARGET.shared_bytes):
        ((name, text),) = plan_of(module_of(case), configured(config)).sources.items()
        sources[name] = text
    assert sources
    check_designed(compile_kernels(sources, "sm_90a", headers(), None), dict.fromkeys(sources, "contraction"))


def test_symbols_have_ranges() -> None:
    """An empty tensor has no tensor map."""
    module = module_of(Case(symbol("M"), 64, 128, 64), {"M": SymbolRange(0, 700, 700)})
    assert not families()[NAME].propose(request_of(module))
