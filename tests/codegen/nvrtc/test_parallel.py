"""Kernels compiled in parallel: order, progress, errors, and that running ones are stopped."""

from __future__ import annotations

import pytest
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.errors import CompileError

from .cuda_sources import HEADERS, SLOW, TARGET, compile_one, kernel


def test_kernels_keep_the_order_of_their_sources_and_report_progress() -> None:
    sources = {name: kernel(name, f"y[{i}] = two;") for i, name in enumerate(("k2", "k0", "k1"))}
    seen: list[tuple[str, int, int]] = []
    result = compile_kernels(
        sources, TARGET, HEADERS, None, progress=lambda name, done, total: seen.append((name, done, total))
    )
    assert list(result) == ["k2", "k0", "k1"]
    assert sorted(name for name, _, _ in seen) == ["k0", "k1", "k2"]
    assert [done for _, done, _ in seen] == [1, 2, 3] and {total for _, _, total in seen} == {3}


def test_no_kernels_is_no_work() -> None:
    assert compile_kernels({}, TARGET, HEADERS, None) == {}


def test_the_same_source_gives_the_same_bytes() -> None:
    assert compile_one("y[0] = two / y[1];") == compile_one("y[0] = two / y[1];")


def test_an_error_names_the_kernel_and_the_line() -> None:
    with pytest.raises(
        CompileError, match=r"kernel k0 does not compile for sm_90a\n  note: k0\.cu\(3\): error"
    ):
        compile_one("y[0] = missing;")


def test_the_first_failure_in_order_is_reported() -> None:
    sources = {name: kernel(name, f"y[0] = missing_{name};") for name in ("k9", "k1", "k5")}
    with pytest.raises(CompileError, match="missing_k9"):
        compile_kernels(sources, TARGET, HEADERS, None)


def test_a_kernel_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(CompileError, match=r"k0 for sm_90a took longer than 0\.5 s"):
        compile_one(SLOW, seconds=0.5)


def test_an_interrupt_stops_the_other_kernels() -> None:

    sources = {"k0": kernel("k0", "y[0] = 1;"), "k1": kernel("k1", SLOW), "k2": kernel("k2", SLOW)}

    def interrupt(name: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compile_kernels(sources, TARGET, HEADERS, None, progress=interrupt)
