"""Attention over sequences without padding, on the host and on a GPU, against softmax written out."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.families.attention.mma import AttentionConfig
from glassrt.codegen.families.attention.simt import SimtAttentionConfig
from glassrt.compiler.driver.build import present_arch
from glassrt.dialects.core.dtypes import F16, F32, DType
from glassrt.runtime.engine import Engine

from ...one_kernel import plan_of
from .checked import DEVICES, Config, taking
from .unpadded import HEADS, WIDTH, check_each_sequence, drawn, module_of


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("dtype", "config", "causal"),
    [
        (F16, AttentionConfig(1, 2, 32, 3), False),
        (F16, AttentionConfig(4, 1, 64, 2), True),
        (F32, SimtAttentionConfig(2, 4), False),
    ],
    ids=str,
)
def test_each_sequence_attends_to_itself(dtype: DType, config: Config, causal: bool, device: str) -> None:
    module = module_of(dtype, causal)
    target = present_arch() if device == "cuda" else None
    plan = plan_of(module, taking(config), (target,) if target else ())
    with Engine(plan, device) as engine:
        check_each_sequence(engine, module, dtype, causal)
        empty = drawn(dtype, [], 0, np.random.default_rng(0))
        assert engine.run(empty)["y0"].shape == (0, HEADS, WIDTH)
