"""The family of convolutions over patches: its kernels against the interpreter, and what it takes."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.patched.config import PatchConfig
from glassrt.codegen.families.registry import families
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, I8, DType
from hypothesis import given, settings
from hypothesis import strategies as st

from ...contraction_cases import TARGET
from ...one_kernel import plan_of
from .convolutions import NAME, Case, check, configured, request_of

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
PLAIN = PatchConfig(groups=2, high=1, wide=1, block_n=64, stages=4, buffers=2)
SOME = {
    "bytes": (Case((3, 64, 9, 13), 64, I8), PLAIN),
    "halves with a residual": (Case((2, 64, 11, 17), 64, residual=True), replace(PLAIN, wide=2, stages=2)),
    "bytes with a residual": (Case((2, 48, 16, 20), 64, I8, residual=True), replace(PLAIN, high=2, wide=2)),
    "several lines, of which the last ends early": (Case((1, 88, 9, 9), 24), replace(PLAIN, block_n=32)),
    "parts of columns": (Case((2, 32, 10, 9), 80, I8, relu=False), replace(PLAIN, block_n=32, turned=1)),
    "a wide window": (Case((2, 16, 12, 9), 64, BF16, (5, 5), (2, 0, 1, 3)), replace(PLAIN, high=2)),
    "a line": (
        Case((2, 64, 7, 20), 32, I8, (1, 3), (0, 1, 0, 1)),
        replace(PLAIN, block_n=32, groups=3, stages=3),
    ),
    "a dilated column": (
        Case((2, 32, 19, 8), 16, I8, (3, 1), (2, 0, 2, 0), (2, 1)),
        replace(PLAIN, block_n=32),
    ),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("residual", [False, True])
def test_warpgroups_have_several_tiles(residual: bool, device: str) -> None:
    """Two warpgroups of each of 132 blocks, and images for some to have three patches in two stages."""
    case = Case((540, 16, 6, 5), 16, I8, (1, 2), (0, 0, 0, 1), residual=residual)
    check(case, replace(PLAIN, block_n=32, stages=2, turned=int(residual)), device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", SOME)
def test_results_are_those_of_the_convolution(name: str, device: str) -> None:
    check(*SOME[name], device)


def test_the_number_of_images_may_be_known_at_run_time_only() -> None:
    case = Case((symbol("N"), 64, 9, 8), 64, I8)
    for images in (1, 5):
        check(case, PLAIN, N=images)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, PatchConfig | None]:
    dtype = draw(st.sampled_from([F16, I8]))
    step = 16 // dtype.bytes
    taps = (draw(st.integers(1, 4)), draw(st.integers(2, 4)))
    dilations = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    spans = [(taps - 1) * by + 1 for taps, by in zip(taps, dilations, strict=True)]
    image = (
        draw(st.integers(1, 3)),
        draw(st.integers(1, 6)) * step,
        *(s + draw(st.integers(0, 18)) for s in spans),
    )
    pads = tuple(draw(st.integers(0, span - 1)) for span in (*spans, *spans))
    columns = draw(st.integers(1, 9)) * step
    case = Case(image, columns, dtype, taps, pads, dilations, residual=draw(st.booleans()))  # type: ignore[arg-type]
    found = families()[NAME].propose(request_of(case))
    return case, PatchConfig(**draw(st.sampled_from(found)).config) if found else None  # type: ignore[arg-type]


@settings(deadline=None, max_examples=4)
@given(cases(), st.integers(0, 99))
def test_any_sizes_and_configurations(drawn: tuple[Case, PatchConfig | None], seed: int) -> None:
    case, config = drawn
    if config is not None:
        check(case, config, seed=seed)


def test_only_targets_with_bulk_copies_have_it() -> None:
    family = families()[NAME]
    assert family.runs_on(TARGET)
    assert not any(family.runs_on(arch_named(name)) for name in ("sm_80", "sm_89", "sm_90", "sm_120a"))


def test_a_configuration_that_is_not_legal_is_refused() -> None:
    request = request_of(SOME["bytes"][0])
    for changed in ({"groups": 4}, {"stages": 3}, {"block_n": 48}):
        with pytest.raises(ValueError):
            families()[NAME].realize(request, asdict(replace(PLAIN, **changed)))


@pytest.mark.parametrize("name", ["bytes", "halves with a residual", "parts of columns", "a wide window"])
def test_emitted_text(name: str, golden: Any) -> None:
    case, config = SOME[name]
    sources = plan_of(case.module(), configured(config)).sources.values()
    source = next(text for text in sources if "of patches of the image" in text)
    assert source == golden.at(f"{name}.cu")


@pytest.mark.parametrize("dtype", [F16, I8], ids=str)
def test_no_kernel_spills(dtype: DType) -> None:
    """Those with the most accumulators."""
    case = Case((8, 64, 56, 56), 64, dtype, residual=not dtype.is_float)
    found = [PatchConfig(**each.config) for each in families()[NAME].propose(request_of(case))]  # type: ignore[arg-type]
    most = {each.groups: each for each in sorted(found, key=lambda each: each.fragments)}
    assert set(most) == {2, 3}
    for config in most.values():
        sources = plan_of(case.module(), configured(config)).sources.items()
        own = {name: text for name, text in sources if "of patches of the image" in text}
        assert own
        check_designed(compile_kernels(own, "sm_90a", headers(), None), dict.fromkeys(own, "contraction"))
