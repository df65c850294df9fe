"""The family of inverted residuals: its kernels against the interpreter, and what it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.inverted_residual.config import configurations
from glassrt.codegen.families.inverted_residual.extents import InvertedConfig
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32
from glassrt.dialects.graph.elementwise import Clip
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ...contraction_cases import TARGET
from ...one_kernel import plan_of
from .blocks import ACTIVATIONS, NAME, Case, block_of, check, configured, module_of, request_of

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
SOME = {
    "weights stay": (
        Case(2, 24, 144, 24, (13, 14), residual=True, activation=Clip),
        InvertedConfig(8, 8, 48, 128, 4, 4, 1),
    ),
    "weights come and go": (
        Case(2, 24, 136, 40, (13, 14), strides=(2, 2)),
        InvertedConfig(7, 7, 48, 128, 7, 1, 0),
    ),
    "a cluster": (
        Case(1, 64, 136, 40, (14, 14), strides=(2, 1), residual=True),
        InvertedConfig(4, 8, 32, 128, 2, 2, 1, 4),
    ),
    "no expansion": (
        Case(2, 136, 136, 24, (13, 14), (5, 3), pads=(2, 1, 2, 1), expands=False),
        InvertedConfig(8, 16, 32, 256, 4, 4, 0),
    ),
    "bf16": (Case(1, 32, 64, 32, dtype=BF16, to=F32), InvertedConfig(4, 4, 64, 128, 2, 2, 1)),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", SOME)
def test_results_are_those_of_three_contractions(name: str, device: str) -> None:
    check(*SOME[name], device)


def test_images_may_be_counted_at_run_time_and_are_more_than_blocks() -> None:
    case = Case(symbol("N"), 8, 16, 8, (5, 6), strides=(2, 2))
    check(case, InvertedConfig(4, 4, 16, 128, 1, 1, 1), N=600)


def test_no_image_is_waited_for_too() -> None:
    """No block has work, and the launch behind this one counts on it to end after those before it."""
    case = Case(symbol("N"), 8, 16, 8, (5, 6), strides=(2, 2))
    check(case, InvertedConfig(4, 4, 16, 128, 1, 1, 1), N=0)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    dtype = draw(st.sampled_from([F16, BF16]))
    step = 8
    taps = draw(st.tuples(*[st.integers(1, 5)] * 2))
    expands = draw(st.booleans())
    depth, channels, columns = (draw(st.integers(1, 9)) * step for _ in range(3))
    return Case(
        draw(st.integers(1, 3)),
        depth if expands else channels,
        channels,
        columns,
        draw(st.tuples(*[st.integers(5, 20)] * 2)),
        taps,
        draw(st.tuples(*[st.integers(1, 2)] * 2)),
        tuple(draw(st.integers(0, tap - 1)) for tap in taps * 2),  # type: ignore[arg-type]
        dtype,
        expands,
        draw(st.booleans()),
        draw(st.sampled_from(ACTIVATIONS)),
    )


@settings(deadline=None, max_examples=4)
@given(cases(), st.data())
def test_any_sizes_and_configurations(case: Case, data: st.DataObject) -> None:
    request = request_of(module_of(case))
    assume(not isinstance(block_of(request), str))
    found = families()[NAME].propose(request)
    config = data.draw(st.sampled_from([InvertedConfig(**each.config) for each in found]))  # type: ignore[arg-type]
    check(case, config, seed=data.draw(st.integers(0, 99)))


def test_a_block_is_taken_by_it_alone() -> None:
    request = request_of(module_of(Case(128, 24, 144, 24, (56, 56))))
    assert {each.family for each in candidates(request)} == {NAME}
    times = [each.microseconds for each in families()[NAME].propose(request)]
    assert times == sorted(times) and times


def test_only_targets_that_copy_asynchronously_have_it() -> None:
    family, request = families()[NAME], request_of(module_of(SOME["weights stay"][0]))
    for name in ("sm_80", "sm_89", "sm_90a", "sm_120a"):
        target = arch_named(name)
        assert family.runs_on(target)
        found = family.propose(replace(request, target=target, known={}))
        assert found and (name == "sm_90a" or all(each.config["splits"] == 1 for each in found))


def test_a_configuration_that_is_not_legal_is_refused() -> None:
    request = request_of(module_of(SOME["weights stay"][0]))
    for changed in ({"threads": 64}, {"chunk": 24}, {"rows": 3}, {"kept": 2}, {"splits": 9}):
        config = vars(replace(SOME["weights stay"][1], **changed))
        with pytest.raises(ValueError):
            families()[NAME].realize(request, config)


@pytest.mark.parametrize("name", ["weights stay", "a cluster", "no expansion"])
def test_emitted_text(name: str, golden: Any) -> None:
    case, config = SOME[name]
    source = next(
        text for text in plan_of(module_of(case), configured(config)).sources.values() if "Inverted" in text
    )
    assert source == golden.at(f"{name}.cu")


@pytest.mark.parametrize(
    "case",
    [
        Case(128, 24, 144, 24, (56, 56), residual=True, activation=Clip),
        Case(1, 96, 576, 96, (14, 14), residual=True, activation=Clip),
        Case(128, 32, 32, 16, (112, 112), expands=False, activation=Clip),
    ],
    ids=["large", "small", "no expansion"],
)
def test_no_kernel_spills(case: Case) -> None:
    module = module_of(case)
    request = request_of(module)
    block = block_of(request)
    assert not isinstance(block, str)
    found = list(configurations(block.extents, TARGET))
    assert len(found) > 20
    sources = {}
    for proposed in families()[NAME].propose(request)[:4]:
        config = InvertedConfig(**proposed.config)  # type: ignore[arg-type]
        made = plan_of(module, configured(config)).sources.items()
        sources |= {name: text for name, text in made if "Inverted" in text}
    check_designed(compile_kernels(sources, "sm_90a", headers(), None), dict.fromkeys(sources, "contraction"))


def test_other_types_are_not_taken() -> None:
    assert not families()[NAME].propose(request_of(module_of(Case(1, 16, 32, 16, dtype=F32))))
