"""Kernels compiled in a process of their own: the same result, and a deadline that holds."""

from __future__ import annotations

import time

import pytest
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.errors import CompileError

from .cuda_sources import HEADERS, SLOW, TARGET, kernel


def test_a_heavy_kernel_is_the_same_in_a_process_of_its_own() -> None:
    source = {"k0": kernel("k0", "y[threadIdx.x] = two;")}
    alone = compile_kernels(source, TARGET, HEADERS, None, heavy={"k0"})
    assert alone == compile_kernels(source, TARGET, HEADERS, None)
    with pytest.raises(
        CompileError, match=r"kernel k0 does not compile for sm_90a\n  note: k0\.cu\(3\): error"
    ):
        compile_kernels({"k0": kernel("k0", "y[0] = missing;")}, TARGET, HEADERS, None, heavy={"k0"})


def test_a_heavy_kernel_has_a_deadline_that_holds() -> None:
    """Also while NVRTC makes machine code, when it does not ask whether to go on."""
    begin = time.monotonic()
    nodes = {"k0": [f"n{i}" for i in range(9)]}
    with pytest.raises(
        CompileError, match=r"k0 \(of n0, n1, n2, n3, n4 and 4 more\) .* longer than 1 s"
    ) as caught:
        compile_kernels(
            {"k0": kernel("k0", SLOW)}, TARGET, HEADERS, None, heavy={"k0"}, nodes=nodes, seconds=1
        )
    assert time.monotonic() - begin < 10
    assert caught.value.hint is not None and "--nofuse" in caught.value.hint


def test_a_failure_elsewhere_ends_heavy_kernels() -> None:
    sources = {"k0": kernel("k0", SLOW), "k1": kernel("k1", "y[0] = 1;")}

    def interrupt(name: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        compile_kernels(sources, TARGET, HEADERS, None, heavy={"k0"}, progress=interrupt)
    assert time.monotonic() - begin < 10
