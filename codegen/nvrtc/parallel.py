"""Compiles many CUDA sources to cubins: in parallel threads, through the cache, without a GPU.

`cuda.core.Program` cannot take headers from memory, so this module uses `cuda.bindings.nvrtc`. The bindings
release the GIL while NVRTC works, so two threads on two cores compile twice as fast. Before NVRTC sees a
kernel, `source_check` has rejected everything that could make it open a file.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace

from ...errors import CompileError
from ...errors.head_comment import about_kernel
from ...runtime.caches import content_key
from ...runtime.children import Children
from ..text.provenance import without_provenance
from ..text.source_check import check_headers, check_source
from .cache import CacheEntry, KernelCache
from .child import run_in_child
from .compiled_kernel import CompiledKernel, nodes_text, read_report
from .library import check_target, compiler_identity
from .program import NvrtcProgram, run

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
Progress = Callable[[str, int, int], None]


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
    _check_sources(sources, nodes or {})
    results, failures = _compiled(
        _Job(target, headers, cache, seconds, heavy, nodes or {}), sources, progress
    )
    if cache is not None:
        cache.trim()
    for name in sources:
        if name in failures:
            raise failures[name]
    return {name: results[name] for name in sources}


def _check_sources(sources: Mapping[str, str], nodes: Mapping[str, Sequence[str]]) -> None:
    """Raise CompileError, of the kernel's NODES, for the first of SOURCES that is not allowed."""
    for name, source in sources.items():
        try:
            check_source(name, source)
        except CompileError as error:
            raise _attributed(error, source, nodes.get(name, ())) from None


def _compiled(
    job: _Job, sources: Mapping[str, str], progress: Progress | None
) -> tuple[dict[str, CompiledKernel], dict[str, CompileError]]:
    """The kernels of SOURCES that JOB could compile, and why it could not compile the others, by name."""
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
    return results, failures


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
            return read_report(name, self.target, entry, from_cache=True)
        entry = CacheEntry(*self._run(name, source))
        kernel = read_report(name, self.target, entry, from_cache=False)
        if self.cache is not None:
            self.cache.store(key, entry, source)
        return kernel

    def _run(self, name: str, source: str) -> tuple[bytes, str]:
        """The cubin and log of a kernel from NVRTC; CompileError when it fails or exceeds the time limit."""
        program = NvrtcProgram(name, source, self.options, self.headers)
        try:
            if name in self.heavy:
                return run_in_child(program, self.children, self.seconds)
            deadline = time.monotonic() + self.seconds
            return run(program, lambda: self.cancelled.is_set() or time.monotonic() > deadline)
        except CompileError as error:
            raise _attributed(error, source, self.nodes.get(name, ())) from None
        except TimeoutError:
            kernel = f"kernel {name}{nodes_text(self.nodes.get(name, ()))} for {self.target}"
            raise CompileError(
                f"{kernel} took longer than {self.seconds:g} s to compile",
                hint="it computes too much at once: --nofuse and --disable-rule keep its ops apart, and a "
                "hand-written kernel can be split; Sin, Cos, Tan, Pow and Mod cost most",
            ) from None

    def stop(self) -> None:
        """Cancel all running compilations as soon as possible."""
        self.cancelled.set()
        self.children.stop()


def _attributed(error: CompileError, source: str, nodes: Sequence[str]) -> CompileError:
    """ERROR with the ONNX NODES of the kernel that it is about, and what its SOURCE says of itself."""
    return CompileError.of(about_kernel(replace(error.diagnostic, nodes=tuple(nodes)), source))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
