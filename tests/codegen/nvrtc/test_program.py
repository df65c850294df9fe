"""Calls of NVRTC: cubins, errors that name the kernel, and cancellation."""

from __future__ import annotations

import pytest
from glassrt.codegen.nvrtc.program import NvrtcProgram, run
from glassrt.errors import CompileError

SOURCE = '#include "part.cuh"\nextern "C" __global__ void k(float* y) { y[0] = VALUE; }\n'
HEADERS = {"part.cuh": "#define VALUE 2.0f\n"}
OPTIONS = ("--gpu-architecture=sm_90a",)


def program(source: str = SOURCE) -> NvrtcProgram:
    return NvrtcProgram("k", source, OPTIONS, HEADERS)


def test_a_cubin_comes_of_a_source_and_its_headers() -> None:
    cubin, log = run(program(), lambda: False)
    assert cubin[:4] == b"\x7fELF" and b"k" in cubin and "Compile time" not in log
    assert run(program(), lambda: False)[0] == cubin


def test_an_error_names_kernel_and_target() -> None:
    with pytest.raises(CompileError, match="kernel k does not compile for sm_90a") as caught:
        run(program("int broken("), lambda: False)
    assert "k.cu" in str(caught.value)


def test_a_program_is_data() -> None:
    made = NvrtcProgram.from_json(program().to_json())
    assert made.to_json() == program().to_json() and list(made.options) == list(OPTIONS)


LONG = (
    'extern "C" __global__ void k(float* y) {\n'
    + "\n".join(f"y[{n}] = __sinf(y[{n + 1}]) * y[{n + 2}] / y[{n + 3}];" for n in range(3000))
    + "\n}\n"
)


def test_it_is_stopped_when_asked() -> None:
    with pytest.raises(TimeoutError):
        run(program(LONG), lambda: True)
