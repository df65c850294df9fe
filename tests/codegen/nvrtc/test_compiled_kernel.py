"""A compiled kernel: its figures, and that a designed one neither spills nor loses what it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt.codegen.nvrtc.cache import KernelCache
from glassrt.codegen.nvrtc.compiled_kernel import UnfitError, check_designed
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.errors import CompileError

from .cuda_sources import HEADERS, TARGET, compile_one, kernel


def test_a_kernel_becomes_a_cubin_with_its_figures() -> None:
    compiled = compile_one("y[threadIdx.x] = two;")
    assert compiled.entry == "k0"
    assert compiled.cubin.startswith(b"\x7fELF") and b"k0" in compiled.cubin
    assert 0 < compiled.registers <= 255
    assert compiled.spill_bytes == 0


def test_a_kernel_defines_the_entry_of_its_name() -> None:
    with pytest.raises(CompileError, match="k0 defines the entries"):
        compile_kernels({"k0": kernel("other", "")}, TARGET, HEADERS, None)


LOADS = "".join(f"float a{i} = y[{i} * threadIdx.x];\n" for i in range(64))
STORES = "".join(f"y[{i} + 64 * threadIdx.x] = a{i} * a{63 - i};\n" for i in range(64))
FAMILY = "tiles"
SPILLING = f"{LOADS}__syncthreads();\n{STORES}"


def test_a_designed_kernel_must_not_spill() -> None:
    source = kernel("k0", SPILLING).replace("void k0", "void __launch_bounds__(1024, 2) k0")
    loose = compile_kernels({"k0": source}, TARGET, HEADERS, None)["k0"]
    assert loose.spill_bytes > 0
    check_designed({"k0": loose}, {})
    with pytest.raises(UnfitError) as caught:
        check_designed({"k0": loose}, {"k0": FAMILY}, {"k0": ("Conv_1", "Relu_2")})
    about = f"kernel k0 (of Conv_1, Relu_2) for sm_90a, of {FAMILY}, spills {loose.spill_bytes} bytes"
    assert caught.value.message.startswith(about) and "another configuration" in (caught.value.hint or "")
    assert list(caught.value.problems) == ["k0"]


def test_a_designed_kernel_must_not_lose_setmaxnreg(tmp_path: Path) -> None:
    headers = {
        "glass.cuh": 'inline void shrink() { asm volatile("setmaxnreg.dec.sync.aligned.u32 40;"); }\n',
    }
    source = {"k0": kernel("k0", "shrink(); y[threadIdx.x] = 1;")}
    cache = KernelCache(tmp_path)
    for from_cache in (False, True):
        compiled = compile_kernels(source, TARGET, headers, cache)
        assert compiled["k0"].from_cache == from_cache
        with pytest.raises(CompileError, match=r"C7508.*setmaxnreg"):
            check_designed(compiled, {"k0": FAMILY})
