"""The family of bottlenecks: its kernels against the interpreter, and what it takes."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.bottleneck.config import BottleneckConfig
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32, I8
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.unary import Sigmoid
from hypothesis import given, settings
from hypothesis import strategies as st

from ...contraction_cases import TARGET
from ...one_kernel import plan_of
from ..chained.chains import request_of
from .blocks import NAME, Case, check, configured

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
SOME = {
    "halves": (Case((2, 11, 13), 64, 64, 128, 64), BottleneckConfig(2, 128, 2, 3)),
    "bytes": (Case((2, 11, 13), 64, 64, 256, 64, I8), BottleneckConfig(3, 64, 6, 2)),
    "without the last product": (
        Case((2, 9, 9), 40, 32, 128, acts=(Sigmoid, None, None)),
        BottleneckConfig(2, 64, 4, 2),
    ),
    "patches in turn": (Case((3, 44, 45), 64, 64, 64, 64), BottleneckConfig(2, 128, 3, 2, 1)),
    "a wide window": (
        Case((1, 12, 12), 16, 128, 64, 40, BF16, (3, 5), (2, 0, 1, 3), (2, 1), False, (None, Sigmoid, Relu)),
        BottleneckConfig(2, 64, 2, 3, 1),
    ),
}
# More tiles than 132 blocks have at once, so that buffers and patches pass from tile to tile.
MANY = (Case((3, 88, 90), 16, 16, 64, 16), BottleneckConfig(2, 64, 2, 2, 1))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", SOME)
def test_results_are_those_of_contractions_apart(name: str, device: str) -> None:
    check(*SOME[name], device, values=20)


@pytest.mark.parametrize("device", DEVICES)
def test_warpgroups_have_several_tiles(device: str) -> None:
    check(*MANY, device)


@pytest.mark.gpu
def test_many_tiles_of_what_is_chosen() -> None:
    for dtype in (F16, I8):
        case = Case((8, 60, 60), 64, 64, 256, 64, dtype)
        for each in proposed(case)[:2]:
            check(case, BottleneckConfig(**each.config), "cuda")


def test_the_number_of_images_may_be_known_at_run_time_only() -> None:
    check(Case((symbol("N"), 9, 9), 32, 32, 64, 32), BottleneckConfig(2, 128, 2, 2), N=3)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Case, BottleneckConfig]:
    dtype = draw(st.sampled_from([F16, I8]))
    step, taps = 16 // dtype.bytes, draw(st.sampled_from([(3, 3), (1, 3), (2, 2)]))
    case = Case(
        (draw(st.integers(1, 3)), draw(st.integers(4, 20)), draw(st.integers(4, 20))),
        draw(st.integers(1, 8)) * step,
        draw(st.sampled_from([32, 64, 96, 128])),
        draw(st.integers(1, 4)) * 64,
        draw(st.integers(0, 8)) * step,
        dtype,
        taps,
        tuple(draw(st.lists(st.integers(0, 2), min_size=4, max_size=4))),  # type: ignore[arg-type]
        residual=draw(st.booleans()),
        acts=tuple(draw(st.sampled_from([None, Relu, Sigmoid])) for _ in range(3)),
    )
    found = [BottleneckConfig(**each.config) for each in proposed(case)]  # type: ignore[arg-type]
    return case, draw(st.sampled_from(found)) if found else SOME["halves"][1]


@settings(deadline=None, max_examples=3)
@given(cases(), st.integers(0, 99))
def test_any_sizes_and_configurations(drawn: tuple[Case, BottleneckConfig], seed: int) -> None:
    case, config = drawn
    if proposed(case):
        check(case, config, seed=seed)


def proposed(case: Case) -> list[Any]:
    return families()[NAME].propose(request_of(case.module()))


def test_bottlenecks_are_taken_by_it_alone() -> None:
    request = request_of(Case((32, 56, 56), 64, 64, 256, 64).module())
    assert {each.family for each in candidates(request)} == {NAME}
    times = [each.microseconds for each in families()[NAME].propose(request)]
    assert times == sorted(times) and times


@pytest.mark.parametrize(
    "case",
    [
        Case((2, 9, 9), 64, 64, 128, 264),  # more columns than wgmma has
        Case((2, 9, 9), 64, 72, 128, 64),  # columns of the convolution that are not those of one product
        Case((2, 9, 9), 128, 128, 512, 128),  # weights of all taps do not fit
        Case((2, 9, 9), 64, 64, 128, 64, F32),
        Case((2, 9, 9), 64, 64, 128, 64, taps=(1, 1), pads=(0, 0, 0, 0)),  # a product, which chains have
    ],
    ids=["columns", "middle", "weights", "f32", "taps"],
)
def test_what_it_does_not_take(case: Case) -> None:
    assert not proposed(case)


def test_only_targets_with_bulk_copies_have_it() -> None:
    family = families()[NAME]
    assert family.runs_on(TARGET)
    assert not any(family.runs_on(arch_named(name)) for name in ("sm_80", "sm_89", "sm_90", "sm_120a"))


def test_a_configuration_that_is_not_legal_is_refused() -> None:
    case, config = SOME["halves"]
    request = request_of(case.module())
    for changed in ({"stages": 1}, {"groups": 4}, {"line": 48}):
        with pytest.raises(ValueError):
            families()[NAME].realize(request, asdict(replace(config, **changed)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["halves", "bytes", "without the last product"])
def test_emitted_text(name: str, golden: Any) -> None:
    case, config = SOME[name]
    (source,) = [
        text for text in plan_of(case.module(), configured(config)).sources.values() if "wgmma" in text
    ]
    assert source == golden.at(f"{name}.cu")


@pytest.mark.parametrize("dtype", [F16, I8], ids=str)
def test_no_kernel_spills(dtype: Any) -> None:
    sources = {}
    for columns in (0, 64):
        case = Case((32, 56, 56), 64, 64, 256, columns, dtype)
        for each in proposed(case)[:2]:
            config = BottleneckConfig(**each.config)
            for name, text in plan_of(case.module(), configured(config)).sources.items():
                sources |= {name: text} if "wgmma" in text else {}
    assert sources
    check_designed(compile_kernels(sources, "sm_90a", headers(), None), dict.fromkeys(sources, "contraction"))
