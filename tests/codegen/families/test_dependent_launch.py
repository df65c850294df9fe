"""Kernels that overlap their predecessor read nothing of it before they have waited for it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from glassrt.codegen.families.gemv.config import GemvConfig
from glassrt.codegen.families.registry import candidates, families, realize
from glassrt.codegen.text.render import render
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.normalization import LayerNorm
from glassrt.dialects.graph.reduction import Reduce

from ..one_kernel import kernel_module, plan_of
from ..requests import request_for
from .contraction.test_families import CASES, SYMBOLS
from .contraction.test_prologue import CASES as PROLOGUES
from .early_accesses import early, ptx_of
from .gemv.test_family import configured
from .gemv.test_rows import scaled, types
from .test_loop_and_row import LOOPS, ROWS

# What goldens of kernels whose weights are known fetch while the kernels before them run. The one of products
# in pairs picks the memory of a feature by its number: the one that it waits for is among those it may pick.
EARLY = {
    ("x1",): (
        *("convolution_mma", "convolution_simt", "product_wgmma", "across_wgmma"),
        *("lstm", "gru", "gru_f32"),
    ),
    ("b_map",): ("across", "many_tiles", "narrow", "promoted", "together", "window", "packed"),
    ("x0", "x1", "x2", "x3", "x4"): ("interaction",),
    ("x3", "x4", "x5"): ("cached",),  # caches and where new elements lie, which callers give
}
FOLDERS = sorted({path.parent for path in Path(__file__).parent.rglob("golden/**/*.cu")})
GOLDEN = [path for folder in FOLDERS for path in sorted(folder.glob("*.cu"))[::2]]


def sources():
    for name, table in [("max pooling", LOOPS), ("transpose", LOOPS), ("layer norm", ROWS)]:
        yield name, (*table[name], SYMBOLS, None)
    total = (lambda do, x: do(Reduce(x, kind="sum", axes=[0], keepdims=False)), [TensorType((1 << 22,), F32)])
    yield "sum over blocks", (*total, None, SYMBOLS, None)
    for name in ("3x3 with residual", "prologue before 1x1", "depthwise", "matmul of few rows"):
        for dtype in (F32, F16):
            yield f"{name} {dtype}", (*CASES[name](dtype)[:3], SYMBOLS, None)
    for name in ("rows of a table", "normalised bytes"):
        yield name, (*PROLOGUES[name](F16)[:3], SYMBOLS, None)
    few_rows = configured(GemvConfig(8, 2, 4, stages=2))
    yield "rows that each block computes", (scaled, types(1, 72, 512), None, None, few_rows)


@pytest.mark.parametrize("family", ["contraction_mma", "contraction_gemv"])
def test_a_bias_is_loaded_before_the_wait_and_a_residual_behind_it(family):
    def body(do, x, w, bias, residual):
        total = do(Matmul(x, w, transpose_b=True, accumulate=F32))
        return [do(Add(do(Add(total, bias)), residual))]

    halves = [TensorType(shape, F16) for shape in ((8, 256), (64, 256))]
    types = [*halves, TensorType((64,), F32), TensorType((8, 64), F32)]
    request = replace(request_for(body, types), weights=frozenset((1, 2)))
    code = realize(request, family, families()[family].candidates(request)[0].config)
    source = render(code.template, code.spec)
    marks = ("read_columns(n, along)", "pdl_wait()", "read_row(own_row", "mma_m16n8k16(sum")
    places = [source.index(mark) for mark in marks]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("name", "late"), [("3x3 with residual", True), ("depthwise", True), ("matmul of few rows", False)]
)
def test_a_convolution_lets_the_next_launch_in_behind_its_wait(name, late):
    body, inputs, outputs = CASES[name](F16)[:3]
    sources = plan_of(kernel_module(body, inputs, outputs, SYMBOLS)).sources.items()
    (source,) = [text for kernel, text in sources if "conv" in kernel or "matmul" in kernel]  # not copies
    assert source.count("pdl_launch_dependents()") == source.count("pdl_wait()") == 1
    assert (source.index("pdl_wait()") < source.index("pdl_launch_dependents()")) == late


def test_weights_along_a_row_are_loaded_before_the_wait_and_the_row_behind_it():
    def body(do, x, scale, shift):
        return [do(LayerNorm(x, scale, shift, axis=1, epsilon=1e-5))]

    types = [TensorType(shape, F32) for shape in ((8, 256), (256,), (256,))]
    request = replace(request_for(body, types), weights=frozenset((1, 2)))
    code = realize(request, "row", candidates(request)[0].config)
    source = render(code.template, code.spec)
    marks = ("load_wide<4>(x1, column)", "load_wide<4>(x2, column)", "pdl_wait()", "load_wide<4>(x0, ")
    places = [source.index(mark) for mark in marks]
    assert places == sorted(places) and source.count("load_wide") == 3


@pytest.mark.parametrize("name", [name for name, _ in sources()])
def test_loads_stay_behind_the_wait(name):
    body, inputs, outputs, symbols, choose = dict(sources())[name]
    plan = plan_of(kernel_module(body, inputs, outputs, symbols), choose)
    for source in plan.sources.values():
        ptx = ptx_of(source)
        assert "ld.global.nc" not in ptx, "the compiler believes that nobody writes an input"
        assert not early(ptx)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parents[2].name} {path.stem}")
def test_only_weights_are_fetched_before_the_wait(path):
    source = path.read_text()
    (signature,) = re.findall(r"^GLASS_KERNEL\([^)]*\) \w+\((.*)\) \{$", source, re.MULTILINE)
    names = [parameter.split()[-1] for parameter in signature.split(", ")]
    wanted = next((fetched for fetched, kernels in EARLY.items() if path.stem in kernels), ())
    assert {names[at] for at in early(ptx_of(source))} == {*wanted}


def test_what_is_fetched_before_the_wait_is_found():
    """By a load, by an asynchronous copy, and by a bulk copy; not what comes behind."""
    kernel = """#include "glass.cuh"
using namespace glass;
GLASS_KERNEL(32, 1) k(Input<f32> x0, Input<f32> x1, Output<f32> y0, const GLASS_TENSOR_MAP map, const int n) {
    GLASS_DYNAMIC_SHARED(shared);
    Barrier* const full = reinterpret_cast<Barrier*>(shared);
    BEFORE
    pdl_wait();
    f32 total = n;
    for (int i = thread_x(); i < n; i += 32) total += load(x0, i) + load(x1, i);
    store(y0, thread_x(), total);
}
"""
    fetches = {
        "": set(),
        "if (n == 3) store(y0, thread_x(), load(x1, n));": {1, 2},
        "for (int i = 0; i < n; i++) cp_async<16>(shared + i * 16, x0, i * 4, true);": {0},
        "if (thread_x() == 0) tma_load_2d(shared + 1024, map, *full, n, 0);": {3},
    }
    for text, wanted in fetches.items():
        assert early(ptx_of(kernel.replace("BEFORE", text))) == wanted
