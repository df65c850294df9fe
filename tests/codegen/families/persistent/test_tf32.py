"""Products of f32 rounded to tf32 by wgmma: bulk copies round, so the numbers are the interpreter's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.persistent.config import PersistentConfig
from glassrt.codegen.families.registry import families
from glassrt.dialects.core.dtypes import F32, TF32
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv

from ...one_kernel import compare, draw_inputs, kernel_module, plan_of
from .test_family import NAME, configured

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
CONFIGS = {
    "teams": ((1400, 36, 104), PersistentConfig(64, 64, 32, 1, 2, 4)),  # three tiles of each block
    "one team": ((200, 72, 272), PersistentConfig(128, 256, 32, 2, 1, 3)),
    "few columns": ((70, 136, 100), PersistentConfig(128, 96, 32, 1, 2, 3)),
    "three warpgroups": ((1000, 40, 272), PersistentConfig(192, 128, 32, 3, 1, 3)),
    "narrow tiles": ((700, 40, 24), PersistentConfig(128, 32, 32, 1, 2, 4)),
    "narrow lines": ((300, 16, 72), PersistentConfig(128, 64, 16, 1, 2, 4, depth=64)),
    "kept": ((4400, 72, 72), PersistentConfig(64, 64, 32, 1, 2, 4, buffers=2, kept=3)),
}


def product(do: Any, x: Any, w: Any, bias: Any, *others: Any) -> Any:
    y = do(Add(do(Matmul(x, w, transpose_b=True, multiply=TF32)), bias))
    for other in others:
        y = do(Add(y, other))
    return do(Relu(y))


def check(module: Any, config: PersistentConfig, depth: int, device: str, ties: bool = False) -> None:
    """Sums of DEPTH products are those of rounded operands, up to the order of adding. TIES: with operands
    that are half-way between two numbers of tf32."""
    given = draw_inputs(module, np.random.default_rng(0), {})
    if ties:
        for name in ("x0", "x1"):
            bits = given[name].view(np.uint32)
            bits[...] = bits & 0xFFFFE000 | 0x1000
    for got, want in compare(module, given, configured(config), device):
        assert np.abs(got - want).max() <= 4 * depth * 2.0**-23


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("buffers", [0, 2, 4])
@pytest.mark.parametrize("name", CONFIGS)
def test_operands_are_rounded_as_the_interpreter_rounds(name: str, buffers: int, device: str) -> None:
    (m, k, n), config = CONFIGS[name]
    shapes = [(m, k), (n, k), (n,), *[(m, n)] * (buffers > 2)]
    module = kernel_module(product, [TensorType(shape, F32) for shape in shapes])
    for cluster in (1, 2) if buffers and config.depth == 128 and not config.kept else (1,):
        made = replace(config, buffers=max(buffers, config.buffers), cluster=cluster)
        check(module, made, k, device, ties=name == "teams")


def window(do: Any, x: Any, w: Any, bias: Any) -> Any:
    y = do(Conv(x, w, pads=(1,) * 4, strides=(1, 1), dilations=(1, 1), groups=1, multiply=TF32))
    y = do(Add(y, bias))
    y.type = y.type.with_layout(channels_last(4))
    return y


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("channels", [32, 20])
def test_windows(channels: int, device: str) -> None:
    shapes = ((2, channels, 9, 11), (72, channels, 3, 3))
    types = [TensorType(shape, F32, channels_last(4)) for shape in shapes]
    module = kernel_module(window, [*types, TensorType((72, 1, 1), F32)])
    for buffers in (0, 2):
        check(module, PersistentConfig(64, 64, 32, 1, 2, 4, buffers=buffers), 9 * channels, device)


def test_what_it_does_not_take() -> None:
    """Operands that nothing rounds, and those that do not lie along k: wgmma transposes 16-bit types only."""

    def proposed(**attributes: Any) -> bool:
        found: list[bool] = []

        def choose(request: Any) -> Any:
            found.append(bool(families()[NAME].propose(request)))
            return next(c for family in families().values() for c in family.propose(request))

        def body(do: Any, x: Any, w: Any) -> Any:
            return do(Matmul(x, w, **attributes))

        plan_of(kernel_module(body, [TensorType((64, 64), F32)] * 2), choose)
        return found[-1]

    assert proposed(transpose_b=True, multiply=TF32)
    assert not proposed(transpose_b=True) and not proposed(multiply=TF32)


def test_emitted_text(golden: Any) -> None:
    (m, k, n), config = CONFIGS["teams"]
    module = kernel_module(product, [TensorType(shape, F32) for shape in ((m, k), (n, k), (n,))])
    (source,) = plan_of(module, configured(replace(config, buffers=2))).sources.values()
    assert source == golden.at("product.cu")
