"""Kernels that are compiled together: which they are, and that each is as it is by itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from glassrt.codegen.nvrtc import parallel
from glassrt.codegen.nvrtc.cache import KernelCache
from glassrt.codegen.nvrtc.parallel import CompiledPrograms, compile_kernels
from glassrt.codegen.nvrtc.programs import LEAST, USUAL, joined, programs
from glassrt.errors import CompileError
from hypothesis import given
from hypothesis import strategies as st

from .cuda_sources import HEADERS, TARGET, kernel

NAMES = st.lists(st.from_regex("k[a-z0-9]{1,6}", fullmatch=True), unique=True, max_size=150)


@given(NAMES, st.integers(0, 5))
def test_every_kernel_is_in_one_program(names: list[str], apart: int) -> None:
    alone = set(names[:apart])
    found = programs(names, alone)
    assert sorted(name for each in found for name in each) == sorted(names)
    assert all(len(each) == 1 for each in found if alone & set(each))
    assert all(list(each) == sorted(each, key=names.index) for each in found)
    assert max(map(len, found), default=0) <= USUAL + 1


def test_few_kernels_are_programs_of_their_own() -> None:
    assert programs(["b", "a", "c"]) == [("b",), ("a",), ("c",)]


def test_many_kernels_leave_work_for_many_cores() -> None:
    for count in (LEAST, 40, 400):
        found = programs(f"k{number}" for number in range(count))
        assert len(found) >= max(LEAST - 3, count // (USUAL + 1)) and len(found) <= max(LEAST, count // 2)


def test_a_kernel_more_leaves_most_programs_as_they_are() -> None:
    names = [f"k{number}" for number in range(40)]
    before, after = set(programs(names)), set(programs(["another", *names]))
    assert len(before - after) <= 3


def sources_of(count: int) -> dict[str, str]:
    """Kernels that define things of the same names before them, with other values."""
    return {
        f"k{i}": f'#include "glass.cuh"\nconstexpr int SIZE = {i};\nstruct Own {{ float of[SIZE + 1]; }};\n'
        + kernel(f"k{i}", f"Own own = {{}}; y[SIZE] = own.of[0] + {i % 3 + 1}.0f * two;").split("\n", 1)[1]
        for i in range(count)
    }


def test_kernels_of_a_program_are_what_they_are_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = sources_of(LEAST + 4)
    together = compile_kernels(sources, TARGET, HEADERS, None)
    shared = Counter(kernel.cubin for kernel in together.values())
    assert max(shared.values()) > 1 and len(shared) < len(sources)
    name = next(name for name, kernel in together.items() if shared[kernel.cubin] > 1)
    (alone,) = compile_kernels({name: sources[name]}, TARGET, HEADERS, None).values()
    same = together[name]
    assert (same.entry, same.registers, same.stack_bytes) == (alone.entry, alone.registers, alone.stack_bytes)
    assert same.log.count("registers") == 1 and code_of(same.cubin, name) == code_of(alone.cubin, name)


def code_of(cubin: bytes, name: str) -> bytes:
    """The instructions of the kernel NAME: the section .text.NAME of an ELF file."""
    number = int.from_bytes
    table, size, count, names = (
        number(cubin[at : at + length], "little") for at, length in ((40, 8), (58, 2), (60, 2), (62, 2))
    )
    heads = [cubin[table + index * size :][:size] for index in range(count)]
    start = number(heads[names][24:32], "little")
    for head in heads:
        at = start + number(head[:4], "little")
        if cubin[at:].startswith(f".text.{name}\0".encode()):
            offset, length = (number(head[place : place + 8], "little") for place in (24, 32))
            return cubin[offset : offset + length]
    raise AssertionError(f"no code of {name}")


def test_one_that_fails_is_named_alone() -> None:
    sources = sources_of(LEAST + 4)
    wrong = next(each for each in programs(sources) if len(each) > 1)[-1]
    sources[wrong] = kernel(wrong, "y[0] = missing;")
    with pytest.raises(
        CompileError, match=rf"kernel {wrong} does not compile for sm_90a\n  note: {wrong}\.cu\(3\)"
    ):
        compile_kernels(sources, TARGET, HEADERS, None)


def test_a_loss_that_may_be_of_any_is_found_by_compiling_each() -> None:
    headers = {"glass.cuh": HEADERS["numbers.cuh"] + "inline void shrink() "
               '{ asm volatile("setmaxnreg.dec.sync.aligned.u32 40;"); }\n'}  # fmt: skip
    sources = sources_of(LEAST + 4)
    names = next(each for each in programs(sources) if len(each) > 1)
    sources[names[0]] = kernel(names[0], "shrink(); y[0] = 1;")
    found = compile_kernels(sources, TARGET, headers, None)
    assert ["C7508" in found[name].log for name in names] == [True] + [False] * (len(names) - 1)
    assert len({found[name].cubin for name in names}) == len(names)


def test_programs_are_cached_and_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources, cache = sources_of(LEAST + 4), KernelCache(tmp_path)
    known: CompiledPrograms = {}
    first = compile_kernels(sources, TARGET, HEADERS, cache, known=known)
    monkeypatch.setattr(parallel, "run", lambda *_: pytest.fail("compiled again"))
    assert compile_kernels(sources, TARGET, HEADERS, cache) == first
    assert compile_kernels(sources, TARGET, HEADERS, None, known=known) == first
    assert set(known) == {
        (TARGET, tuple((name, sources[name]) for name in each)) for each in programs(sources)
    }


def test_what_is_included_comes_once_and_first() -> None:
    text = joined(
        {"a": '// a\n#include "x.cuh"\nint a;\n', "b": '// b\n#include "x.cuh"\n#include "y.cuh"\n'}
    )
    expected = (
        '#include "x.cuh"\n#include "y.cuh"\nnamespace of_a {\n// a\nint a;\n}\nnamespace of_b {\n// b\n}\n'
    )
    assert text == expected
    assert joined({"a": "int a;\n"}) == "int a;\n"
