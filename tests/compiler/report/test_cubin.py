"""What a cubin tells of its kernels."""

from __future__ import annotations

from pathlib import Path

from glassrt import Plan
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.compiler.report.cubin import registers
from hypothesis import given
from hypothesis import strategies as st


def test_registers_are_those_that_the_compiler_reports(digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    for target in ("sm_80", "sm_90a", "sm_120"):
        for kernel in compile_kernels(plan.sources, target, plan.headers, None).values():
            assert registers(kernel.cubin, kernel.entry) == kernel.registers > 0


@given(st.binary(max_size=200))
def test_bytes_that_are_no_cubin_tell_no_registers(data: bytes) -> None:
    assert registers(data, "k0") is None
    assert registers(b"\x7fELF\x02" + data, "k0") is None
