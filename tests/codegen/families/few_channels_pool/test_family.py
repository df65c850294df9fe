"""The families: kernels against the interpreter, under every kind of configuration, and their text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.few_channels_pool.config import PoolConfig
from glassrt.codegen.families.registry import families
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.codegen.request.request import Candidate
from glassrt.codegen.text.render import render
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import DTYPES
from glassrt.dialects.graph.pool import MaxPool
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ...contraction_cases import TARGET
from ...idle import idle, unread
from ...one_kernel import check_fitting, compare, draw_inputs
from ..few_channels.layers import STEM as ALONE
from ..few_channels.layers import request as alone
from .layers import BYTES, LAYERS, NAMES, STEM, Layer, choose, pooled, request

TOLERANCE = {"f16": 2.0**-10, "bf16": 2.0**-7, "f32": 2.0**-20}


def check(layer: Layer, name: str, device: str = "host", config: PoolConfig | None = None) -> None:
    module = layer.module
    symbols = {str(dim): 3 for dim in layer.x if not isinstance(dim, int)}
    given = draw_inputs(module, np.random.default_rng(3), symbols)
    for got, want in compare(module, given, choose(name, config), device):
        if not DTYPES[layer.out].is_float:
            assert np.array_equal(got, want)
            continue
        wide, exact = got.astype(np.float64), want.astype(np.float64)
        assert np.abs(wide - exact).max() <= TOLERANCE[layer.out] * np.abs(exact).max()


def config_of(candidate: Candidate) -> PoolConfig:
    return PoolConfig(**{key: int(value) for key, value in candidate.config.items()})


CASES = [
    (layer, name) for layer in LAYERS for name in NAMES if families()[name].propose(request(LAYERS[layer]))
]


@pytest.mark.parametrize(("layer", "name"), CASES)
def test_kernels_compute_the_maxima(layer: str, name: str) -> None:
    check(LAYERS[layer], name)


@pytest.mark.gpu
@pytest.mark.parametrize("layer", dict(CASES))
def test_a_gpu_computes_what_the_host_does(layer: str) -> None:
    """By the cheapest configurations of each family, of which a build takes the first that fits."""
    asked = request(LAYERS[layer])
    found = [(name, config_of(each)) for name in NAMES for each in families()[name].propose(asked)[:4]]
    check_fitting(found, lambda each: check(LAYERS[layer], each[0], "cuda", each[1]))


@pytest.mark.parametrize(
    ("layer", "config"),
    [
        ("stem", (2, 1, 64, 1, 2)),
        ("stem", (4, 2, 64, 2, 1)),
        ("ragged", (3, 2, 32, 1, 1)),
        ("ceil", (2, 3, 64, 1, 1)),
        ("unpadded", (3, 1, 32, 2, 1)),
        ("bytes", (2, 1, 64, 1, 2)),
        ("bytes", (3, 2, 64, 2, 1)),
        ("pairs", (2, 3, 32, 1, 1)),
    ],
    ids=str,
)
def test_any_configuration_will_do(layer: str, config: tuple[int, ...]) -> None:
    """Runs within the image or beyond its edge; blocks that walk down, or have several runs."""
    check(LAYERS[layer], NAMES[0], config=PoolConfig(*config))


@settings(max_examples=8, deadline=None)
@given(
    size=st.tuples(st.integers(5, 40), st.integers(5, 60)),
    window=st.sampled_from([3, 5, 7]),
    stride=st.sampled_from([1, 2]),
    channels=st.integers(1, 4),
    pool=st.tuples(st.sampled_from([2, 3]), st.sampled_from([2, 3])),
    pads=st.tuples(*(st.integers(0, 2) for _ in range(4))),
    ceil=st.booleans(),
    weights=st.sampled_from(["f16", "bf16", "i8"]),
    number=st.integers(0, 10**6),
)
def test_any_image_will_do(
    size: tuple[int, int],
    window: int,
    stride: int,
    channels: int,
    pool: tuple[int, int],
    pads: tuple[int, ...],
    ceil: bool,
    weights: str,
    number: int,
) -> None:
    own = tuple(min(pad, pool[index % 2] - 1) for index, pad in enumerate(pads))
    assume(min(size) > window + 2 * stride)
    layer = Layer(
        (2, channels, *size),
        16,
        (window, window),
        stride,
        (window // 2,) * 4,
        pool=pool,
        pool_pads=own,
        ceil=ceil,
        image="f32",
        weights=weights,
        out=weights,
    )
    asked = request(layer)
    found = [(name, each) for name in NAMES for each in families()[name].propose(asked)]
    if found:
        name, candidate = found[number % len(found)]
        check(layer, name, config=config_of(candidate))


def test_a_pixel_that_is_not_finite_stays_where_windows_have_it() -> None:
    for name in ("ragged", "odd", "dilated"):
        module = LAYERS[name].module
        given = draw_inputs(module, np.random.default_rng(3), {})
        image = given["x0"]
        image[0, 0, 10, 10], image[-1, -1, 20, 23], image[-1, 0, 0, 0] = np.inf, -np.inf, np.nan
        for family in NAMES:
            for got, want in compare(module, given, choose(family)):
                wide, exact = got.astype(np.float64), want.astype(np.float64)
                assert np.array_equal(np.isnan(wide), np.isnan(exact)) and np.isnan(exact).any()
                assert np.array_equal(np.isinf(wide), np.isinf(exact)) and np.isinf(exact).any()
                finite = np.isfinite(exact)
                error = np.abs(wide[finite] - exact[finite]).max()
                assert error <= TOLERANCE[LAYERS[name].out] * np.abs(exact[finite]).max()


@pytest.mark.parametrize("name", NAMES)
def test_kernels_neither_spill_nor_wait_for_each_product(name: str) -> None:
    """Compiled as the largest layers get them; a spill is an error of the build."""
    for layer in (replace(STEM, x=(128, 3, 224, 224)), replace(BYTES, x=(128, 3, 224, 224))):
        launch = precision_to_launch(layer.module, TARGET, choose(name))
        levels = dict.fromkeys(("graph", "fused", "precision", "launch"), "")
        assert assemble(launch, levels, [], BuildOptions((arch_named("sm_90a"),)))


@pytest.mark.parametrize("layer", LAYERS)
def test_kernels_hold_nothing_idle(layer: str) -> None:
    asked = request(LAYERS[layer])
    for name in NAMES:
        for candidate in families()[name].propose(asked):
            code = families()[name].realize(asked, candidate.config)
            text = render(code.template, code.spec)
            assert not idle(text) and not unread(text), candidate.config


def test_others_refuse_a_region_with_a_pool() -> None:
    """A contraction's epilogue is computed on single results."""
    able = [name for name, family in families().items() if family.propose(request(LAYERS["tiny"]))]
    assert set(NAMES) <= set(able)
    assert all(name in NAMES or not families()[name].designed for name in able)
    assert not any(families()[name].propose(alone(ALONE)) for name in NAMES)


def test_which_pools_are_taken() -> None:
    assert families()[NAMES[0]].takes_maxima(pooled(STEM).op)
    x = pooled(STEM).op.x
    assert not families()[NAMES[0]].takes_maxima(MaxPool(x, kernel=(3, 3), strides=(1, 1)))
    assert not families()["loop"].takes_maxima(pooled(STEM).op)


def test_illegal_configurations_are_refused() -> None:
    family = families()["few_channels_mma_pool"]
    config = {"bands": 2, "units": 2, "block_n": 64, "groups": 1, "resident": 1}
    for changed, reason in (({"groups": 3}, "do not divide"), ({"block_n": 8}, "do not divide among")):
        with pytest.raises(ValueError, match=reason):
            family.realize(request(STEM), {**config, **changed})
    with pytest.raises(ValueError, match="no convolution whose accumulators"):
        family.realize(alone(ALONE), config)


def test_targets_without_wgmma_multiply_by_mma() -> None:
    for target in ("sm_80", "sm_89", "sm_120a"):
        asked = replace(request(STEM), target=arch_named(target))
        assert not families()["few_channels_wgmma_pool"].propose(asked)
        assert families()["few_channels_mma_pool"].propose(asked)


def test_a_symbolic_batch() -> None:
    check(replace(LAYERS["ragged"], x=(symbol("B"), 3, 13, 19)), NAMES[0])
