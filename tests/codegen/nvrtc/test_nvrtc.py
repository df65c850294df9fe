"""NVRTC: what comes out, what is refused, and what never leaks (threats T3, T8)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from glassrt.codegen.nvrtc.cache import KernelCache
from glassrt.codegen.nvrtc.compiler import UnfitError, check_designed, compile_kernels, supported_targets
from glassrt.codegen.text.source_check import MAX_NESTING, MAX_STATEMENTS, check_source, redact
from glassrt.errors import CompileError, UnsupportedError
from hypothesis import given
from hypothesis import strategies as st

HEADERS = {"glass.cuh": '#pragma once\n#include "numbers.cuh"\n', "numbers.cuh": "const int two = 2;\n"}
TARGET = "sm_90a"


def kernel(name: str, body: str, parameters: str = "float* y") -> str:
    return f'#include "glass.cuh"\nextern "C" __global__ void {name}({parameters}) {{\n{body}\n}}\n'


def compile_one(body: str, **options: object) -> object:
    return compile_kernels({"k0": kernel("k0", body)}, TARGET, HEADERS, None, **options)["k0"]  # type: ignore[arg-type]


def test_a_kernel_becomes_a_cubin_with_its_figures() -> None:
    compiled = compile_one("y[threadIdx.x] = two;")
    assert compiled.entry == "k0"
    assert compiled.cubin.startswith(b"\x7fELF") and b"k0" in compiled.cubin
    assert 0 < compiled.registers <= 255
    assert compiled.spill_bytes == 0


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


@pytest.mark.parametrize("target", ["sm_80", "sm_86", "sm_89", "sm_90", "sm_100a", "sm_120"])
def test_other_targets(target: str) -> None:
    assert target in supported_targets()
    assert compile_kernels({"k0": kernel("k0", "y[0] = 1;")}, target, HEADERS, None)["k0"].target == target


def test_every_target_said_to_be_supported_is() -> None:
    for target in supported_targets():
        compile_kernels({"k0": kernel("k0", "")}, target, HEADERS, None)


@pytest.mark.parametrize("target", ["", "sm_9", "sm_42", "compute_90", "sm_80a", "sm_90a --x", "host"])
def test_an_unknown_target_is_named(target: str) -> None:
    with pytest.raises(UnsupportedError, match="unknown target"):
        compile_kernels({}, target, HEADERS, None)


def test_an_error_names_the_kernel_and_the_line() -> None:
    with pytest.raises(CompileError, match=r"kernel k0 does not compile for sm_90a:\nk0\.cu\(3\): error"):
        compile_one("y[0] = missing;")


def test_the_first_failure_in_order_is_reported() -> None:
    sources = {name: kernel(name, f"y[0] = missing_{name};") for name in ("k9", "k1", "k5")}
    with pytest.raises(CompileError, match="missing_k9"):
        compile_kernels(sources, TARGET, HEADERS, None)


def test_a_kernel_defines_the_entry_of_its_name() -> None:
    with pytest.raises(CompileError, match="k0 defines the entries"):
        compile_kernels({"k0": kernel("other", "")}, TARGET, HEADERS, None)


LOADS = "".join(f"float a{i} = y[{i} * threadIdx.x];\n" for i in range(64))
STORES = "".join(f"y[{i} + 64 * threadIdx.x] = a{i} * a{63 - i};\n" for i in range(64))
SPILLING = f"{LOADS}__syncthreads();\n{STORES}"


def test_a_designed_kernel_must_not_spill() -> None:
    source = kernel("k0", SPILLING).replace("void k0", "void __launch_bounds__(1024, 2) k0")
    loose = compile_kernels({"k0": source}, TARGET, HEADERS, None)["k0"]
    assert loose.spill_bytes > 0
    check_designed({"k0": loose}, {})
    with pytest.raises(UnfitError) as caught:
        check_designed({"k0": loose}, {"k0": "depthwise"}, {"k0": ("Conv_1", "Relu_2")})
    about = f"kernel k0 (of Conv_1, Relu_2) for sm_90a, of depthwise, spills {loose.spill_bytes} bytes"
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
            check_designed(compiled, {"k0": "contraction_mma"})


def test_a_kernel_that_takes_too_long_is_stopped() -> None:
    body = "\n".join(f"y[{i}] = sinf(y[{i + 1}]) * cosf(y[{i + 2}]);" for i in range(400))
    with pytest.raises(CompileError, match=r"k0 for sm_90a took longer than 0\.5 s"):
        compile_one(body, seconds=0.5)


def test_an_interrupt_stops_the_other_kernels() -> None:
    slow = "\n".join(f"y[{i}] = sinf(y[{i + 1}]) * cosf(y[{i + 2}]);" for i in range(400))
    sources = {"k0": kernel("k0", "y[0] = 1;"), "k1": kernel("k1", slow), "k2": kernel("k2", slow)}

    def interrupt(name: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compile_kernels(sources, TARGET, HEADERS, None, progress=interrupt)


@pytest.mark.parametrize(
    "line",
    [
        '#include "{canary}"',
        "#include <{canary}>",
        '  #  include "{canary}"',
        '/**/ #include "{canary}"',
        '%:include "{canary}"',
        '??=include "{canary}"',
        '#\\\ninclude "{canary}"',
        '#include "glass.cuh" // {canary}',
        '#include "glass.cuh"\t#',
        '_Pragma("once")',
        "#define x",
        "#pragma once",
        "#if 1",
        '#line 1 "{canary}"',
        'asm("trap;");',
        '__asm__("trap;");',
        "int caf\u00e9;",
        "int x;\r",
        "int x;\0",
    ],
)
def test_directives_and_assembly_are_refused_before_nvrtc(line: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text("CANARY_TEXT\n")
    source = kernel("k0", "") + line.replace("{canary}", str(canary)) + "\n"
    with pytest.raises(CompileError) as caught:
        compile_kernels({"k0": source}, TARGET, HEADERS, None)
    assert "CANARY_TEXT" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_headers_include_nothing_but_each_other(tmp_path: Path) -> None:
    canary = tmp_path / "canary.cuh"
    canary.write_text("CANARY_TEXT\n")
    for included in (str(canary), "../canary.cuh", "other.cuh"):
        with pytest.raises(CompileError, match="not in the set"):
            compile_kernels({}, TARGET, {"glass.cuh": f'# include "{included}"\n'}, None)


def test_headers_are_never_read_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "glass.cuh").write_text("CANARY_TEXT\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CompileError) as caught:
        compile_kernels({"k0": kernel("k0", "")}, TARGET, {}, None)
    assert "CANARY_TEXT" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "K", "k 0", "k\n0", "k0;", "a" * 129, "k{{0}}", "../k"])
def test_kernel_names_are_compiler_made(name: str) -> None:
    with pytest.raises(CompileError, match="not a kernel name"):
        check_source(name, "")


def test_statements_and_nesting_are_bounded() -> None:
    check_source("k0", ";" * MAX_STATEMENTS)
    with pytest.raises(CompileError, match="statements"):
        check_source("k0", ";" * (MAX_STATEMENTS + 1))
    check_source("k0", "(" * MAX_NESTING)
    with pytest.raises(CompileError, match="levels deep"):
        check_source("k0", "(" * (MAX_NESTING + 1))


def test_unroll_hints_are_allowed() -> None:
    check_source("k0", "    #pragma unroll\n#pragma unroll 4\n  #pragma unroll STEPS\n")


@given(st.text(max_size=200))
def test_any_text_is_checked_without_a_crash(text: str) -> None:
    try:
        check_source("k0", text)
    except CompileError:
        return
    directives = [line.strip(" ") for line in text.split("\n") if "#" in line]
    assert all(line.startswith(("#include", "#pragma unroll")) for line in directives)


def test_paths_are_redacted_and_code_is_not() -> None:
    log = 'k0.cu(3): error: x\n  y = a/b; // note\n"/home/someone/secret.txt" C:\\Users\\x glass.cuh(1)\n'
    assert redact(log) == 'k0.cu(3): error: x\n  y = a/b; // note\n"<path>" <path> glass.cuh(1)\n'


SLOW = "\n".join(f"y[{i}] = sinf(y[{i + 1}]) * cosf(y[{i + 2}]);" for i in range(400))


def test_a_heavy_kernel_is_the_same_in_a_process_of_its_own() -> None:
    source = {"k0": kernel("k0", "y[threadIdx.x] = two;")}
    alone = compile_kernels(source, TARGET, HEADERS, None, heavy={"k0"})
    assert alone == compile_kernels(source, TARGET, HEADERS, None)
    with pytest.raises(CompileError, match=r"kernel k0 does not compile for sm_90a:\nk0\.cu\(3\): error"):
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
