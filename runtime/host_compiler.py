"""Compiles a plan's kernels, unmodified, into one shared library for this machine.

The kernels are distributed over a few translation units, each kernel in its own namespace, which compile in
parallel; the fiber runtime is a separate unit, compiled once and cached.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import CompileError, DeviceError
from ..errors.head_comment import about_kernel
from .caches import content_key
from .children import Children
from .host_cache import CompiledCache
from .leftovers import temporary_folder

FLAGS = (
    "-std=c++17",
    "-fPIC",
    "-DGLASS_HOST",
    "-fvisibility=hidden",
    # Kernels view shared memory through several types, and CUDA integers wrap in practice.
    "-fno-strict-aliasing",
    "-fwrapv",
    # The same bits on every machine, with or without fused multiply-add.
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-sanitize=undefined",
    "-w",
    "-pthread",
)
RUNTIME_FLAGS = (*FLAGS, "-O2")
KERNEL_FLAGS = (
    *FLAGS,
    # With these kernels run as fast as with -O2, of which they take three quarters of the time to compile.
    "-O1",
    "-ftree-vectorize",
    "-ftree-vrp",
    "-finline-functions",
    "-finline-small-functions",
    "-fpartial-inlining",
    "-fno-exceptions",
    "-fno-rtti",
)
LINK_FLAGS = ("-shared", "-pthread", "-lm")
# The usual one reads all of the C++ library for each plan, which takes longer than to compile a small kernel.
FAST_LINKERS = ("mold", "lld", "gold")
TIMEOUT_SECONDS = 600
# Of kernels; to read the headers takes a unit as long as to compile half as many.
UNIT_CHARACTERS = 4000
LOG_CHARACTERS = 4000

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_HEADER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_KERNEL = re.compile(r"\bGLASS_KERNEL\s*\([^()]*\)\s*([A-Za-z_][A-Za-z0-9_]*)\s*\(")
_INCLUDED = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Compiler:
    """A working C++ compiler: its command line and its version."""

    command: tuple[str, ...]
    version: str


def find_compiler() -> Compiler:
    """`$CXX`, else c++, g++ or clang++ from the path, else the `ziglang` package.

    Raises `DeviceError` if none works.
    """
    return _find_compiler(os.environ.get("CXX", ""), os.environ.get("PATH", ""))


@functools.lru_cache(maxsize=8)
def _find_compiler(chosen: str, path: str) -> Compiler:
    candidates: list[tuple[str, ...]] = [tuple(shlex.split(chosen))] if chosen.strip() else []
    if not candidates:
        found = (shutil.which(name, path=path) for name in ("c++", "g++", "clang++"))
        candidates = [(command,) for command in found if command]
        if importlib.util.find_spec("ziglang"):
            # zig targets the exact CPU by default, but a cache may be shared with an older one
            candidates.append((sys.executable, "-m", "ziglang", "c++", "-mcpu=baseline"))
    for command in candidates:
        version = _version(command)
        if version is not None:
            return Compiler(command, version)
    reason = "$CXX does not answer" if chosen.strip() else "none was found"
    raise DeviceError(
        f"the host device needs a C++17 compiler, and {reason}",
        hint="install g++ or clang++, or `pip install ziglang`, or set CXX",
    )


def _version(command: tuple[str, ...]) -> str | None:
    try:
        result = subprocess.run(
            (*command, "--version"), capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def processor_count() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def kernel_names(source: str) -> list[str]:
    """The names of the kernels that a source declares with GLASS_KERNEL."""
    return _KERNEL.findall(source)


def build_library(sources: Mapping[str, str], headers: Mapping[str, str], cache: CompiledCache) -> Path:
    """The shared library with every kernel of SOURCES (name -> CUDA text), compiled or from the cache.

    HEADERS maps file names of the intrinsics to their texts. Raises `CompileError` with the compiler's
    messages if it rejects a kernel, `DeviceError` if there is no compiler.
    """
    compiler = find_compiler()
    for name in sources:
        if not _NAME.fullmatch(name):
            raise CompileError(f"kernel name {name[:64]!r} is not an identifier")
    for name in headers:
        if not _HEADER.fullmatch(name):
            raise CompileError(f"header name {name[:64]!r} is not a plain file name")
    flags = (*RUNTIME_FLAGS, *KERNEL_FLAGS, *LINK_FLAGS)
    base = [*compiler.command, compiler.version, platform.machine(), *flags]
    base += [text for name in sorted(headers) for text in (name, headers[name])]
    key = content_key([*base, *(text for name in sorted(sources) for text in (name, sources[name]))])

    def build(target: Path) -> None:
        children = Children()
        runtime = functools.partial(_runtime_object, compiler, children, headers, cache, content_key(base))
        _build(compiler, children, sources, headers, runtime, target)

    return cache.get(key, ".so", build)


def _runtime_object(
    compiler: Compiler, children: Children, headers: Mapping[str, str], cache: CompiledCache, key: str
) -> Path:
    def build(target: Path) -> None:
        with temporary_folder() as folder:
            _write_headers(folder, headers)
            (folder / "runtime.cpp").write_text('#include "host_runtime.hpp"\n')
            _run(compiler, children, (*RUNTIME_FLAGS, "-c", "runtime.cpp", "-o", str(target)), folder)

    return cache.get(key, ".o", build)


def _build(
    compiler: Compiler,
    children: Children,
    sources: Mapping[str, str],
    headers: Mapping[str, str],
    runtime: functools.partial[Path],
    target: Path,
) -> None:
    with temporary_folder() as folder:
        _write_headers(folder, headers)
        characters = sum(map(len, sources.values()))
        groups = _balance(sources, min(processor_count(), 1 + characters // UNIT_CHARACTERS))
        with ThreadPoolExecutor(max_workers=len(groups) + 1) as pool:
            runtime_object = pool.submit(runtime)
            units = [
                pool.submit(
                    _compile_unit, compiler, children, folder, i, {name: sources[name] for name in group}
                )
                for i, group in enumerate(groups)
            ]
            try:
                objects = [unit.result() for unit in units]
                objects.append(str(runtime_object.result()))
            except BaseException:
                children.stop()
                raise
        _link(compiler, children, (*objects, *LINK_FLAGS, "-o", str(target)), folder)


def _write_headers(folder: Path, headers: Mapping[str, str]) -> None:
    for name, text in headers.items():
        (folder / name).write_text(text)


def _balance(sources: Mapping[str, str], units: int) -> list[list[str]]:
    """Distribute the sources over at most UNITS groups of similar length."""
    groups: list[list[str]] = [[] for _ in range(max(1, min(units, len(sources))))]
    loads = [0] * len(groups)
    for name in sorted(sources, key=lambda name: (-len(sources[name]), name)):
        lightest = loads.index(min(loads))
        groups[lightest].append(name)
        loads[lightest] += len(sources[name])
    return groups


def _compile_unit(
    compiler: Compiler, children: Children, folder: Path, number: int, sources: Mapping[str, str]
) -> str:
    # Before the namespaces of the kernels, in which the same lines then include nothing.
    included = sorted({"glass.cuh", "host_entry.hpp"}.union(*map(_INCLUDED.findall, sources.values())))
    text = "".join(f'#include "{name}"\n' for name in included)
    for i, (name, source) in enumerate(sorted(sources.items())):
        registrations = "\n".join(f"GLASS_REGISTER({kernel})" for kernel in kernel_names(source))
        if not registrations:
            raise CompileError(f"the source of {name} declares no kernel with GLASS_KERNEL")
        text += f'namespace unit_{i} {{\n#line 1 "{name}.cu"\n{source}\n{registrations}\n}}\n'
    (folder / f"unit{number}.cpp").write_text(text)
    result = f"unit{number}.o"
    try:
        _run(compiler, children, (*KERNEL_FLAGS, "-c", f"unit{number}.cpp", "-o", result), folder)
    except CompileError as error:
        named = [source for name, source in sources.items() if f"{name}.cu:" in error.log]
        raise CompileError.of(about_kernel(error.diagnostic, *named[:1])) from None
    return result


def _link(compiler: Compiler, children: Children, arguments: Sequence[str], folder: Path) -> None:
    """Link by a fast linker that is installed, else, or if the compiler cannot use it, by the usual one."""
    fast = next((name for name in FAST_LINKERS if shutil.which(f"ld.{name}")), None)
    if fast is not None:
        with suppress(CompileError):
            return _run(compiler, children, (f"-fuse-ld={fast}", *arguments), folder)
    return _run(compiler, children, arguments, folder)


def _run(compiler: Compiler, children: Children, arguments: Sequence[str], folder: Path) -> None:
    """Run the compiler inside FOLDER, so that its messages name files without a path."""
    try:
        result = children.run((*compiler.command, *arguments), TIMEOUT_SECONDS, cwd=folder)
    except subprocess.TimeoutExpired:
        raise CompileError(f"the C++ compiler took more than {TIMEOUT_SECONDS} s") from None
    except OSError as error:
        raise DeviceError(f"the C++ compiler did not start: {error.strerror or error}") from error
    if result.returncode != 0:
        log = (result.stderr or result.stdout).strip()
        raise CompileError.with_log("the C++ compiler refused a kernel", log[:LOG_CHARACTERS])
