"""Kernels that overlap their predecessor read nothing of it before they have waited for it."""

from __future__ import annotations

import re

import pytest
from cuda.bindings import nvrtc
from glassrt.codegen.nvrtc.intrinsics import device_headers
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.reduction import Reduce

from ..one_kernel import kernel_module, plan_of
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
