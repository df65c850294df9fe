"""Compiles CUDA sources to cubins with NVRTC: in parallel threads, through the cache, without a GPU.

`cuda.core.Program` cannot take headers from memory, so this module uses `cuda.bindings.nvrtc`. The bindings
release the GIL while NVRTC works, so two threads on two cores compile twice as fast. Before NVRTC sees a
kernel, `source_check` has rejected everything that could make it open a file.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata

from cuda.bindings import nvrtc

from ...errors import CompileError, UnsupportedError
from ...runtime.children import Children
from ..arch.known import LEAST
from ..text.provenance import without_provenance
from ..text.source_check import check_headers, check_source
from .cache import CacheEntry, KernelCache, content_key
from .child import run_in_child
from .compile import NvrtcProgram, checked, run

# `-v` makes ptxas report registers and spills. NVRTC's own disk cache is off, because `cache.py` replaces it.
# The process-wide stack limit is left alone, because threads would race on restoring it. Rounding is IEEE (no
# fast-math), and multiply-adds are fused only where a kernel asks for it, because a number that is quantized
# afterwards must be the same on every device.
OPTIONS: tuple[str, ...] = (
    "--std=c++17",
    "--fmad=false",
    "--ftz=false",
    "--prec-div=true",
    "--prec-sqrt=true",
    "--minimal",
    "--device-as-default-execution-space",
    "--no-source-include",
    "--no-cache",
    "--modify-stack-limit=false",
    "--ptxas-options=-v",
)
SECONDS_PER_KERNEL = 120.0
SHOWN_NODES = 5
_TARGET = re.compile(r"sm_([1-9][0-9]{1,2})([af]?)")
_ENTRY = re.compile(r"Compiling entry function '([^']*)'")
_REGISTERS = re.compile(r"Used (\d+) registers")
_SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_LOST_PERFORMANCE = re.compile(r"\(C75(?:0[4-9]|1[0-5])\)[^\n]*")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class CompiledKernel:
    """A kernel that is compiled for one target.

    entry: the symbol in `cubin`; the kernel is extern "C", so it is the kernel's name. log: the report of
    ptxas. registers: per thread; stack_bytes, spill_bytes: stack frame, and spill stores and loads, per
    thread. from_cache: whether it was found in the kernel cache.
    """

    entry: str
    target: str
    cubin: bytes
    log: str
    registers: int
    stack_bytes: int
    spill_bytes: int
    from_cache: bool = field(default=False, compare=False)


@lru_cache(maxsize=1)
def compiler_version() -> tuple[int, int]:
    """(major, minor) of the NVRTC library. Raises CompileError when there is none."""
    try:
        major, minor = checked(nvrtc.nvrtcVersion())
    except RuntimeError as error:  # DynamicLibNotFoundError is one
        raise CompileError(
            "the NVRTC library was not found",
            hint="pip install nvidia-cuda-nvrtc, or build for target 'host'",
        ) from error
    return int(major), int(minor)


@lru_cache(maxsize=1)
def compiler_identity() -> str:
    """A text that identifies the version of NVRTC, for cache keys: other versions may generate other code."""
    major, minor = compiler_version()
    try:
        wheel = metadata.version("nvidia-cuda-nvrtc")
    except metadata.PackageNotFoundError:
        wheel = "system"
    return f"nvrtc {major}.{minor} ({wheel})"


@lru_cache(maxsize=1)
def supported_targets() -> tuple[str, ...]:
    """Every target that NVRTC and the kernels support, with the suffixes `a` and `f`."""
    compiler_version()
    targets: list[str] = []
    for number in checked(nvrtc.nvrtcGetSupportedArchs())[0]:
        if number < LEAST:
            continue
        targets.append(f"sm_{number}")
        if number >= 90:
            targets.append(f"sm_{number}a")
        if number >= 100:
            targets.append(f"sm_{number}f")
    return tuple(targets)


def check_target(target: str) -> None:
    """Raise UnsupportedError unless NVRTC can compile kernels for `target`, such as `sm_90a`."""
    if _TARGET.fullmatch(target) is None or target not in supported_targets():
        known = ", ".join(supported_targets())
        hint = f"NVRTC here compiles for {known}; the kernels need sm_{LEAST} (cp.async, NaN-propagating max)"
        raise UnsupportedError(f"unknown target {target!r}", hint=hint)


def compile_kernels(
    sources: Mapping[str, str],
    target: str,
    headers: Mapping[str, str],
    cache: KernelCache | None,
    *,
    heavy: Collection[str] = frozenset(),
    nodes: Mapping[str, Sequence[str]] | None = None,
    progress: Progress | None = None,
    seconds: float = SECONDS_PER_KERNEL,
) -> dict[str, CompiledKernel]:
    """Compile every source (kernel name -> CUDA text) for `target`; results are in the order of `sources`.

    headers: the only files that an `#include` can find. progress: called in this thread with (kernel, done,
    total). seconds: the time limit of a kernel. heavy: the kernels that may reach that limit; they are
    compiled in processes of their own, because only these can be killed at any time. nodes: the ONNX nodes of
    each kernel, for errors. Raises UnsupportedError for the target, and CompileError for a source that is not
    allowed, else for the first kernel in order that fails.
    """
    check_target(target)
    check_headers(headers)
    for name, source in sources.items():
        check_source(name, source)
    job = _Job(target, headers, cache, seconds, heavy, nodes or {})
    results: dict[str, CompiledKernel] = {}
    failures: dict[str, CompileError] = {}
    with ThreadPoolExecutor(max_workers=_cores(), thread_name_prefix="nvrtc") as pool:
        futures = {pool.submit(job.compile, name, source): name for name, source in sources.items()}
        try:
            _collect(futures, results, failures, progress)
        except BaseException:
            job.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    if cache is not None:
        cache.trim()
    for name in sources:
        if name in failures:
            raise failures[name]
    return {name: results[name] for name in sources}


class UnfitError(CompileError):
    """Raised for designed kernels that spill registers, or whose asynchronous instructions were serialised,
    on `target`.

    `problems` says by kernel name what is wrong with each.
    """

    def __init__(self, message: str, problems: Mapping[str, str], target: str) -> None:
        self.problems = dict(problems)
        self.target = target
        super().__init__(
            message,
            "another configuration may fit; or fuse fewer ops into the kernel: `glassrt explain MODEL NODE` "
            "lists them, --nofuse and --disable-rule keep them apart",
        )


def check_designed(
    kernels: Mapping[str, CompiledKernel],
    families: Mapping[str, str],
    nodes: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Raise UnfitError when any designed kernel among KERNELS is `unfit`.

    families: the family of each designed kernel by the kernel's name; others are not checked. nodes: the ONNX
    nodes of each kernel, for errors.
    """
    problems = {name: unfit(kernel) for name, kernel in kernels.items() if name in families}
    found = {name: problem for name, problem in problems.items() if problem is not None}
    if found:
        name = next(iter(found))
        of, target = _of((nodes or {}).get(name, ())), kernels[name].target
        about = f"kernel {name}{of} for {target}, of {families[name]},"
        others = f"; so do {len(found) - 1} more kernels" if len(found) > 1 else ""
        raise UnfitError(f"{about} {found[name]}{others}", found, target)


def unfit(kernel: CompiledKernel) -> str | None:
    """Why KERNEL is not compiled as its family intends; None when it is.

    It spills registers, or ptxas warned with C7504 to C7515: setmaxnreg is ignored, or wgmma is serialised.
    """
    if kernel.spill_bytes:
        return f"spills {kernel.spill_bytes} bytes per thread ({kernel.registers} registers)"
    warning = _LOST_PERFORMANCE.search(kernel.log)
    return None if warning is None else f"is not compiled as written: {warning.group().strip()}"


def _of(nodes: Sequence[str]) -> str:
    """The ONNX nodes of a kernel as text for an error."""
    more = f" and {len(nodes) - SHOWN_NODES} more" if len(nodes) > SHOWN_NODES else ""
    return f" (of {', '.join(nodes[:SHOWN_NODES])}{more})" if nodes else ""


def _collect(
    futures: Mapping[Future[CompiledKernel], str],
    results: dict[str, CompiledKernel],
    failures: dict[str, CompileError],
    progress: Progress | None,
) -> None:
    for done, future in enumerate(as_completed(futures), start=1):
        name = futures[future]
        try:
            results[name] = future.result()
        except CompileError as error:
            failures[name] = error
        if progress is not None:
            progress(name, done, len(futures))


class _Job:
    """The compilation of all kernels of one call, with the settings that they share."""

    def __init__(
        self,
        target: str,
        headers: Mapping[str, str],
        cache: KernelCache | None,
        seconds: float,
        heavy: Collection[str],
        nodes: Mapping[str, Sequence[str]],
    ) -> None:
        self.target = target
        self.headers = dict(sorted(headers.items()))
        self.cache = cache
        self.seconds = seconds
        self.heavy = heavy
        self.nodes = nodes
        self.children = Children()
        self.options = (f"--gpu-architecture={target}", *OPTIONS)
        self.cancelled = threading.Event()

    def compile(self, name: str, source: str) -> CompiledKernel:
        """Compile kernel NAME, or load it from the cache; raises CompileError."""
        headers = [part for item in self.headers.items() for part in item]
        key = content_key([compiler_identity(), *self.options, name, without_provenance(source), *headers])
        entry = self.cache.load(key) if self.cache else None
        if entry is not None:
            return self._kernel(name, entry, from_cache=True)
        entry = CacheEntry(*self._run(name, source))
        kernel = self._kernel(name, entry, from_cache=False)
        if self.cache is not None:
            self.cache.store(key, entry, source)
        return kernel

    def _kernel(self, name: str, entry: CacheEntry, from_cache: bool) -> CompiledKernel:
        entries = _ENTRY.findall(entry.log)
        if entries != [name]:
            raise CompileError(f"kernel {name} defines the entries {entries}, not one of its own name")
        registers = _REGISTERS.search(entry.log)
        spills = _SPILLS.findall(entry.log)
        return CompiledKernel(
            entry=name,
            target=self.target,
            cubin=entry.cubin,
            log=entry.log,
            registers=int(registers.group(1)) if registers else 0,
            stack_bytes=sum(int(stack) for stack, _, _ in spills),
            spill_bytes=sum(int(stores) + int(loads) for _, stores, loads in spills),
            from_cache=from_cache,
        )

    def _run(self, name: str, source: str) -> tuple[bytes, str]:
        """The cubin and log of a kernel from NVRTC; CompileError when it fails or exceeds the time limit."""
        program = NvrtcProgram(name, source, self.options, self.headers)
        try:
            if name in self.heavy:
                return run_in_child(program, self.children, self.seconds)
            deadline = time.monotonic() + self.seconds
            return run(program, lambda: self.cancelled.is_set() or time.monotonic() > deadline)
        except TimeoutError:
            kernel = f"kernel {name}{_of(self.nodes.get(name, ()))} for {self.target}"
            raise CompileError(
                f"{kernel} took longer than {self.seconds:g} s to compile",
                hint="it computes too much at once: --nofuse and --disable-rule keep its ops apart, and a "
                "hand-written kernel can be split; Sin, Cos, Tan, Pow and Mod cost most",
            ) from None

    def stop(self) -> None:
        """Cancel all running compilations as soon as possible."""
        self.cancelled.set()
        self.children.stop()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
