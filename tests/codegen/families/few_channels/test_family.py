"""The families: kernels against the interpreter, under every kind of configuration, and their text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.few_channels.config import FewChannelsConfig
from glassrt.codegen.families.registry import families
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.codegen.text.render import render
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import DTYPES, F16, F32, I8
from glassrt.dialects.graph.convolution import Conv

from ...contraction_cases import TARGET
from ...idle import idle, unread
from ...one_kernel import compare, draw_inputs
from .layers import BYTES, LAYERS, NAMES, STEM, Array, Layer, choose, request

TOLERANCE = {"f16": 2.0**-10, "bf16": 2.0**-7, "f32": 2.0**-20}


def check(layer: Layer, name: str, device: str = "host", config: FewChannelsConfig | None = None) -> None:
    module = layer.module
    symbols = {str(dim): 3 for dim in layer.x if not isinstance(dim, int)}
    given = draw_inputs(module, np.random.default_rng(3), symbols)
    for got, want in compare(module, given, choose(name, config), device):
        assert close(got, want, layer.out)


def close(got: Array, want: Array, out: str) -> bool:
    if not DTYPES[out].is_float:
        return np.array_equal(got, want)
    wide, exact = got.astype(np.float64), want.astype(np.float64)
    return bool(np.abs(wide - exact).max() <= TOLERANCE[out] * np.abs(exact).max())


def able(layer: Layer, name: str) -> bool:
    return bool(families()[name].propose(request(layer)))


CASES = [(layer, name) for layer in LAYERS for name in NAMES if able(LAYERS[layer], name)]


@pytest.mark.parametrize(("layer", "name"), CASES)
def test_kernels_compute_the_convolution(layer: str, name: str) -> None:
    check(LAYERS[layer], name)


@pytest.mark.gpu
@pytest.mark.parametrize(("layer", "name"), CASES)
def test_a_gpu_computes_what_the_host_does(layer: str, name: str) -> None:
    check(LAYERS[layer], name, "cuda")


@pytest.mark.parametrize(
    "config", [(1, 32, 1, 1), (2, 32, 2, 2), (3, 64, 1, 1), (6, 32, 2, 1)], ids=lambda config: str(config)
)
def test_any_configuration_will_do(config: tuple[int, int, int, int]) -> None:
    """More columns than there are channels, runs beyond the image's edge, and blocks with several runs."""
    check(LAYERS["ragged"], "few_channels_wgmma", config=FewChannelsConfig(*config))


def test_a_pixel_that_is_not_finite_stays_where_windows_have_it() -> None:
    """The pixels between the taps are multiplied by zeros; their infinities must not come through."""
    for layer in (LAYERS["ragged"], replace(LAYERS["odd"], out="f32"), LAYERS["dilated"]):
        module = layer.module
        given = draw_inputs(module, np.random.default_rng(3), {})
        image = given["x0"]
        image[0, 0, 10, 10], image[-1, -1, 20, 23], image[-1, 0, 0, 0] = np.inf, -np.inf, np.nan
        for name in NAMES:
            if not able(layer, name):
                continue
            for got, want in compare(module, given, choose(name)):
                wide, exact = got.astype(np.float64), want.astype(np.float64)
                assert np.array_equal(np.isnan(wide), np.isnan(exact))
                assert np.array_equal(np.isinf(wide), np.isinf(exact)) and np.isinf(exact).any()
                finite = np.isfinite(exact)
                assert close(wide[finite], exact[finite], layer.out)


@pytest.mark.parametrize("name", NAMES)
def test_kernels_neither_spill_nor_wait_for_each_product(name: str) -> None:
    """Compiled as the largest layers get them; a spill is an error of the build."""
    for layer in (replace(STEM, x=(128, 3, 224, 224)), replace(BYTES, count=128), LAYERS["residual"]):
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


def test_candidates_are_ordered_and_legal() -> None:
    found = families()["few_channels_wgmma"].propose(request(STEM))
    times = [candidate.microseconds for candidate in found]
    assert found and times == sorted(times) and times[0] > 0


def test_targets_without_wgmma_multiply_by_mma() -> None:
    for target in ("sm_80", "sm_89", "sm_120a"):
        asked = replace(request(STEM), target=arch_named(target))
        assert not families()["few_channels_wgmma"].propose(asked)
        assert families()["few_channels_mma"].propose(asked)


def test_illegal_configurations_are_refused() -> None:
    family = families()["few_channels_mma"]
    config = {"tiles": 2, "block_n": 64, "groups": 2, "resident": 1}
    for changed, reason in (({"tiles": 3}, "different numbers"), ({"block_n": 8}, "do not divide among")):
        with pytest.raises(ValueError, match=reason):
            family.realize(request(STEM), {**config, **changed})
    with pytest.raises(ValueError, match="more than 8 channels"):
        family.realize(request(replace(STEM, x=(1, 9, 8, 8))), config)


def test_which_convolutions_read_any_layout() -> None:
    (conv,) = (op for op in request(STEM).ops if isinstance(op, Conv))
    assert all(families()[name].reads_any_layout(conv, F16) for name in NAMES)
    assert not any(family.reads_any_layout(conv, F32) for family in families().values())
    assert not families()["contraction_mma"].reads_any_layout(conv, F16)
    (wide,) = (op for op in request(replace(BYTES, x=(1, 9, 8, 8))).ops if isinstance(op, Conv))
    assert not any(families()[name].reads_any_layout(wide, I8) for name in NAMES)


def test_a_symbolic_batch() -> None:
    check(replace(LAYERS["ragged"], x=(symbol("B"), 3, 13, 19)), "few_channels_wgmma")
