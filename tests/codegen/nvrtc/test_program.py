"""Calls of NVRTC: cubins, errors that name the kernel, and cancellation."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress

import pytest
from glassrt.codegen.nvrtc.program import Cancellation, NvrtcProgram, run
from glassrt.errors import CompileError

SOURCE = '#include "part.cuh"\nextern "C" __global__ void k(float* y) { y[0] = VALUE; }\n'
HEADERS = {"part.cuh": "#define VALUE 2.0f\n"}
OPTIONS = ("--gpu-architecture=sm_90a",)


def program(source: str = SOURCE) -> NvrtcProgram:
    return NvrtcProgram("k", source, OPTIONS, HEADERS)


def test_a_cubin_comes_of_a_source_and_its_headers() -> None:
    cubin, log = run(program(), Cancellation())
    assert cubin[:4] == b"\x7fELF" and b"k" in cubin and "Compile time" not in log
    assert run(program())[0] == cubin


def test_an_error_names_kernel_and_target() -> None:
    with pytest.raises(CompileError, match="kernel k does not compile for sm_90a") as caught:
        run(program("int broken("))
    assert "k.cu" in str(caught.value)


def test_a_program_is_data() -> None:
    made = NvrtcProgram.from_json(program().to_json())
    assert made.to_json() == program().to_json() and list(made.options) == list(OPTIONS)


def long(lines: int) -> NvrtcProgram:
    texts = [f"y[{n}] = __sinf(y[{n + 1}]) * y[{n + 2}] / y[{n + 3}];" for n in range(lines)]
    return program('extern "C" __global__ void k(float* y) {\n' + "\n".join(texts) + "\n}\n")


def test_it_is_stopped_when_asked() -> None:
    cancellation = Cancellation()
    cancellation.request()
    with pytest.raises(TimeoutError):
        run(long(3000), cancellation)


def test_it_runs_without_the_interpreters_lock() -> None:
    """NVRTC asks whether to stop thousands of times in a second: it need not wait for a thread in Python."""
    cancellation = Cancellation()

    def compile_long() -> None:
        with suppress(TimeoutError):
            run(long(300), cancellation)

    thread, interval = threading.Thread(target=compile_long), sys.getswitchinterval()
    thread.start()
    assert thread.ident is not None
    clock, deadline = time.pthread_getcpuclockid(thread.ident), time.monotonic() + 10.0
    while time.clock_gettime(clock) < 0.01:  # the compiler has begun
        time.sleep(0.001)
    sys.setswitchinterval(60.0)
    try:
        while time.clock_gettime(clock) < 0.1:  # by then it has asked hundreds of times
            assert time.monotonic() < deadline
    finally:
        sys.setswitchinterval(interval)
        cancellation.request()
        thread.join()
