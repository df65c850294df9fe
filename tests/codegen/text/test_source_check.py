"""CUDA sources: what is refused before NVRTC sees it, and what never leaks (threats T3, T8)."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.text.source_check import MAX_NESTING, MAX_STATEMENTS, check_source, redact
from glassrt.errors import CompileError
from hypothesis import given
from hypothesis import strategies as st

from ..nvrtc.cuda_sources import HEADERS, TARGET, kernel


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
