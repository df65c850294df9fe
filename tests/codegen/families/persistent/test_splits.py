"""Tiles whose k the blocks of a cluster share: results, places for them, and what is worth sharing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.families.persistent.config import PersistentConfig, illegal, misfit
from glassrt.codegen.families.persistent.spec import launch
from glassrt.codegen.families.persistent.splits import split_room, split_shapes
from glassrt.codegen.nvrtc.compiled_kernel import check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I8
from glassrt.dialects.core.types import TensorType

from ...contraction_cases import TARGET, conv, matmul, product
from ...one_kernel import compare, draw_inputs, kernel_module, plan_of
from .test_family import check_results, configured, plain, requantized, residual

CONFIG = PersistentConfig(128, 128, 64, 2, 1, 3, buffers=2, splits=2)
SHARED = {  # rows, k, columns
    "pairs": ((100, 264, 72), replace(CONFIG, block_n=64)),
    "vectors, four": ((130, 640, 272), replace(CONFIG, splits=4)),
    "chunks": ((200, 520, 400), replace(CONFIG, block_n=192)),
    "fragments, uneven": ((270, 328, 208), replace(CONFIG, block_m=256, block_n=64)),
    "a lone warpgroup": ((50, 520, 200), replace(CONFIG, block_m=64, block_n=64, groups=1)),
    "three": ((130, 640, 200), replace(CONFIG, block_n=96, splits=3)),
}


@pytest.mark.parametrize("device", ["host", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("name", SHARED)
def test_blocks_share_k(name: str, device: str) -> None:
    (m, k, n), config = SHARED[name]
    shapes = ((m, k), (n, k), (n,), (m, n))
    for body, given, buffers in ((plain, shapes[:3], 2), (residual, shapes, 3)):
        module = kernel_module(body, [TensorType(shape, F16) for shape in given])
        check_results(module, replace(config, buffers=buffers), device)


def test_sums_of_integers_are_exact() -> None:
    m, k, n = 150, 656, 160
    types = [TensorType((m, k), I8), TensorType((n, k), I8), *[TensorType((n,), F32)] * 2]
    module = kernel_module(requantized, types)
    given = draw_inputs(module, np.random.default_rng(0), {})
    given["x2"] *= np.float32(0.02)
    config = PersistentConfig(128, 128, 128, 2, 1, 3, buffers=2, splits=2)
    for got, want in compare(module, given, configured(config)):
        np.testing.assert_array_equal(got, want)
        assert len(np.unique(want)) > 100


@pytest.mark.parametrize(("name", "body"), [("vectors", residual), ("pairs", plain)])
def test_emitted_text(name: str, body: Any, golden: Any) -> None:
    n = 208 if name == "vectors" else 200
    shapes = ((200, 520), (n, 520), (n,), *[(200, n)] * (body is residual))
    module = kernel_module(body, [TensorType(shape, F16) for shape in shapes])
    (source,) = plan_of(module, configured(CONFIG)).sources.values()
    assert source == golden.at(f"{name}.cu")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"splits": 8}, "two, three or four"),
        ({"groups": 1, "teams": 2}, "have no other"),
        ({"cluster": 2}, "have no other"),
        ({"buffers": 0}, "leave in bulk"),
        ({"splits": 3}, "some chunks of its columns"),
        ({"stages": 6}, "not enough shared memory"),
    ],
    ids=str,
)
def test_what_is_illegal_is_said(changed: dict[str, int], reason: str) -> None:
    assert illegal(CONFIG, TARGET.shared_bytes) is None
    found = illegal(replace(CONFIG, **changed), TARGET.shared_bytes)
    assert found is not None and reason in found


def test_problems_whose_k_is_not_shared() -> None:
    few = matmul("f16", (128, 192), (128, 192), transpose_b=True).problem
    assert "too few tiles of k" in (misfit(few, CONFIG) or "")
    unknown = matmul(
        "f16", (128, symbol("K")), (128, symbol("K")), transpose_b=True, sizes={"K": 512}
    ).problem
    assert "who knows" in (misfit(unknown, CONFIG) or "")
    ragged = conv("f16", (2, 72, 9, 7), (128, 72, 3, 3), pad=1).problem
    assert "within a line" in (misfit(ragged, CONFIG) or "")
    narrow = matmul("i8", (128, 4096), (128, 4096), out="i8", transpose_b=True).problem
    bytes_ = replace(CONFIG, block_k=128, splits=8)
    assert "lines of 32 bytes" in (misfit(replace(narrow, result_bytes=1), bytes_) or "")


def test_only_few_tiles_are_shared() -> None:
    few = product(128, 4096, 4096)
    found = list(split_shapes(few, TARGET, 2))
    assert found and not list(split_shapes(few, TARGET, 0))
    for config in found:
        assert illegal(config, TARGET.shared_bytes) is None and misfit(few, config) is None
        tiles = -(-128 // config.block_m) * -(-4096 // config.block_n)
        assert tiles <= split_room(config, TARGET)
        geometry = launch(few, config, TARGET.multiprocessors)
        assert geometry.cluster == (config.splits, 1, 1)
        assert geometry.grid[0] == tiles * config.splits
    assert not list(split_shapes(product(4096, 4096, 4096), TARGET, 2))


def test_kernels_neither_spill_nor_lose_their_registers() -> None:
    sources = {}
    for number, config in enumerate(
        (
            replace(CONFIG, block_n=192, splits=3),
            replace(CONFIG, block_m=256, block_n=64),
            replace(CONFIG, block_m=64, groups=1),
        )
    ):
        module = kernel_module(
            plain, [TensorType(shape, F16) for shape in ((300, 1024), (208, 1024), (208,))]
        )
        (source,) = plan_of(module, configured(config)).sources.values()
        name = f"k{number}"
        sources[name] = re.sub(r"\bk_\w+", name, source)
    kernels = compile_kernels(sources, "sm_90a", headers(), None)
    check_designed(kernels, dict.fromkeys(kernels, "contraction_persistent"))
