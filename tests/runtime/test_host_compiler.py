"""The host's compiler: which one, of what, and what it says."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.errors import CompileError, DeviceError
from glassrt.runtime import host_compiler
from glassrt.runtime.host import HostModule

from .host_modules import doubled, source

BROKEN = '#include "glass.cuh"\nGLASS_KERNEL(1, 1) bad() { no_such_thing(); }'


def test_the_second_time_nothing_is_compiled(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = HostModule(source(2), headers(), cache)
    monkeypatch.setattr(host_compiler, "_run", None)
    second = HostModule(source(2), headers(), cache)
    assert first.path == second.path
    doubled(second, 2)


def test_sources_headers_and_compiler_are_in_the_key(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {HostModule(source(6), headers(), cache).path}
    changed = {**headers(), "types.cuh": headers()["types.cuh"] + "// changed\n"}
    paths.add(HostModule(source(6), changed, cache).path)
    other = host_compiler.Compiler(host_compiler.find_compiler().command, "another version")
    monkeypatch.setattr(host_compiler, "find_compiler", lambda: other)
    paths.add(HostModule(source(6), headers(), cache).path)
    assert len(paths) == 3


@pytest.mark.usefixtures("compiled_as_for_users")
def test_kernels_are_spread_over_processors(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Units of a plan, each with a part of its kernels, in one library."""
    units: list[list[str]] = []
    compiled = host_compiler._compile_unit

    def unit(*arguments: Any) -> str:
        units.append(sorted(arguments[-1]))
        return compiled(*arguments)

    monkeypatch.setattr(host_compiler, "_compile_unit", unit)
    monkeypatch.setattr(host_compiler, "processor_count", lambda: 2)
    monkeypatch.setattr(host_compiler, "UNIT_CHARACTERS", 200)
    module = HostModule(source(3) | source(4) | source(5), headers(), cache)
    assert sorted(map(len, units)) == [1, 2]
    assert {name for unit in units for name in unit} == {"scale3", "scale4", "scale5"}
    for factor in (3, 4, 5):
        doubled(module, factor)


def test_a_failed_build_leaves_nothing_behind(cache: Path) -> None:
    before = sorted(cache.iterdir())
    with pytest.raises(CompileError, match="refused a kernel") as caught:
        HostModule({"bad": BROKEN}, headers(), cache)
    assert "bad.cu:2" in str(caught.value) and "no_such_thing" in str(caught.value)
    assert str(cache) not in str(caught.value)
    assert sorted(cache.iterdir()) == before


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"../escape": ""}, "is not an identifier"),
        ({"empty": "int x;"}, "declares no kernel"),
    ],
)
def test_odd_sources_are_refused(cache: Path, sources: dict[str, str], message: str) -> None:
    with pytest.raises(CompileError, match=message):
        HostModule(sources, headers(), cache)
    with pytest.raises(CompileError, match="not a plain file name"):
        HostModule(source(1), {"../glass.cuh": ""}, cache)


def test_without_a_compiler_the_error_says_what_to_install(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(host_compiler.importlib.util, "find_spec", lambda name: None)
    host_compiler._find_compiler.cache_clear()
    with pytest.raises(DeviceError, match="install g\\+\\+ or clang"):
        HostModule(source(8), headers(), cache)
    host_compiler._find_compiler.cache_clear()
    monkeypatch.setenv("CXX", "/no/such/compiler")
    with pytest.raises(DeviceError, match=r"\$CXX does not answer"):
        HostModule(source(8), headers(), cache)


def test_cxx_chooses_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    command = shutil.which("c++") or shutil.which("g++")
    assert command
    monkeypatch.setenv("CXX", f"{command} -pipe")
    assert host_compiler.find_compiler().command == (command, "-pipe")


def test_a_linker_that_the_compiler_cannot_use_is_done_without(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linker = tmp_path / "ld.none"
    linker.write_text("")
    linker.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(host_compiler, "FAST_LINKERS", ("none",))
    assert HostModule(source(9), headers(), cache).kernels
