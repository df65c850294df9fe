"""Kernels that overlap their predecessor read nothing of it before they have waited for it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from cuda.bindings import nvrtc
from glassrt.codegen.families.registry import candidates, families, realize
from glassrt.codegen.nvrtc.intrinsics import device_headers
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
from .test_loop_and_row import LOOPS, ROWS


def ptx_of(source: str) -> str:
    """The PTX of a kernel for sm_90a: the order of memory accesses is decided before assembly."""
    headers = device_headers()
    names, texts = [name.encode() for name in headers], [text.encode() for text in headers.values()]
    error, program = nvrtc.nvrtcCreateProgram(source.encode(), b"k.cu", len(names), texts, names)
    options = [b"--gpu-architecture=compute_90a", b"--std=c++17", b"-default-device"]
    (error,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    assert not error
    _, size = nvrtc.nvrtcGetPTXSize(program)
    data = bytes(size)
    nvrtc.nvrtcGetPTX(program, data)
    return data.decode()


def sources():
    for name, table in [("max pooling", LOOPS), ("transpose", LOOPS), ("layer norm", ROWS)]:
        yield name, table[name]
    total = (lambda do, x: do(Reduce(x, kind="sum", axes=[0], keepdims=False)), [TensorType((1 << 22,), F32)])
    yield "sum over blocks", (*total, None)
    for name in ("3x3 with residual", "prologue before 1x1", "depthwise", "matmul of few rows"):
        for dtype in (F32, F16):
            yield f"{name} {dtype}", CASES[name](dtype)[:3]
    for name in ("rows of a table", "normalised bytes"):
        yield name, PROLOGUES[name](F16)[:3]


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
    body, inputs, outputs = dict(sources())[name]
    plan = plan_of(kernel_module(body, inputs, outputs, SYMBOLS))
    for source in plan.sources.values():
        ptx = ptx_of(source)
        assert "ld.global.nc" not in ptx, "the compiler believes that nobody writes an input"
        waits = [match.start() for match in re.finditer(r"griddepcontrol\.wait", ptx)]
        loads = [match.start() for match in re.finditer(r"\bld\.global", ptx)]
        assert waits and (not loads or waits[0] < loads[0])
