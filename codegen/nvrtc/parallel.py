"""Compiles many CUDA sources to cubins: in parallel threads, through the cache, without a GPU.

`cuda.core.Program` cannot take headers from memory, so this module uses `cuda.bindings.nvrtc`. The bindings
release the GIL while NVRTC works, so two threads on two cores compile twice as fast. Before NVRTC sees a
kernel, `source_check` has rejected everything that could make it open a file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
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
from .program import Cancellation, NvrtcProgram, run
from .programs import joined, programs

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


# A program is identified by its target, and the names and sources of its kernels.
ProgramKey = tuple[str, tuple[tuple[str, str], ...]]
CompiledPrograms = dict[ProgramKey, dict[str, CompiledKernel]]


def compile_kernels(
    sources: Mapping[str, str],
    target: str,
    headers: Mapping[str, str],
    cache: KernelCache | None,
    *,
    heavy: Collection[str] = frozenset(),
    alone: Collection[str] = frozenset(),
    nodes: Mapping[str, Sequence[str]] | None = None,
    progress: Progress | None = None,
    seconds: float = SECONDS_PER_KERNEL,
    known: CompiledPrograms | None = None,
) -> dict[str, CompiledKernel]:
    """Compile every source (kernel name -> CUDA text) for `target`; results are in the order of `sources`.

    Several kernels may be compiled together (`programs.py`), and have one cubin then. headers: the only files
    that an `#include` can find. progress: called in this thread with (kernel, done, total). seconds: the time
    limit of a kernel. heavy: the kernels that may reach that limit; they are compiled in processes of their
    own, because only these can be killed at any time. alone: other kernels that share their cubin with none.
    nodes: the ONNX nodes of each kernel, for errors. known: programs that are compiled already; new ones are
    added. Raises UnsupportedError for the target, and CompileError for a source that is not allowed, else for
    the first kernel in order that fails.
    """
    check_target(target)
    check_headers(headers)
    _check_sources(sources, nodes or {})
    known = {} if known is None else known
    keys: list[ProgramKey] = [
        (target, tuple((name, sources[name]) for name in names))
        for names in programs(sources, {*heavy, *alone})
    ]
    job = _Job(target, headers, cache, seconds, heavy, nodes or {})
    failures = _compile_all(job, [key for key in keys if key not in known], known, progress)
    if cache is not None:
        cache.trim()
    for name in sources:
        if name in failures:
            raise failures[name]
    results = {name: kernel for key in keys for name, kernel in known[key].items()}
    return {name: results[name] for name in sources}


def _check_sources(sources: Mapping[str, str], nodes: Mapping[str, Sequence[str]]) -> None:
    """Raise CompileError, of the kernel's NODES, for the first of SOURCES that is not allowed."""
    for name, source in sources.items():
        try:
            check_source(name, source)
        except CompileError as error:
            raise _attributed(error, source, nodes.get(name, ())) from None


def _compile_all(
    job: _Job, keys: Sequence[ProgramKey], results: CompiledPrograms, progress: Progress | None
) -> dict[str, CompileError]:
    """Add the programs KEYS that JOB can compile to RESULTS; returns the failures by kernel name."""
    failures: dict[str, CompileError] = {}
    with ThreadPoolExecutor(max_workers=_cores(), thread_name_prefix="nvrtc") as pool:
        futures = {pool.submit(job.compile, dict(key[1])): key for key in keys}
        try:
            _collect(futures, results, failures, progress)
        except BaseException:
            job.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return failures


def _collect(
    futures: Mapping[Future[dict[str, CompiledKernel]], ProgramKey],
    results: CompiledPrograms,
    failures: dict[str, CompileError],
    progress: Progress | None,
) -> None:
    done, total = 0, sum(len(kernels) for _, kernels in futures.values())
    for future in as_completed(futures):
        key = futures[future]
        try:
            results[key] = future.result()
        except _KernelFailure as failure:
            failures[failure.name] = failure.error
        for name, _ in key[1]:
            done += 1
            if progress is not None:
                progress(name, done, total)


class _KernelFailure(Exception):
    """The kernel `name` does not compile, because of `error`."""

    def __init__(self, name: str, error: CompileError) -> None:
        super().__init__(name)
        self.name = name
        self.error = error


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
        self._lock = threading.Lock()
        self._running: set[Cancellation] = set()
        self._stopped = False

    def compile(self, sources: Mapping[str, str]) -> dict[str, CompiledKernel]:
        """Compile the program of the kernels SOURCES, or load it from the cache; raises _KernelFailure.

        What fails together is compiled kernel by kernel, so that the failure is of one.
        """
        if len(sources) > 1:
            with suppress(CompileError):
                return self._compile(sources)
        found: dict[str, CompiledKernel] = {}
        for name, source in sources.items():
            try:
                found.update(self._compile({name: source}))
            except CompileError as error:
                raise _KernelFailure(name, error) from None
        return found

    def _compile(self, sources: Mapping[str, str]) -> dict[str, CompiledKernel]:
        names, headers = list(sources), [part for item in self.headers.items() for part in item]
        texts = [part for name in names for part in (name, without_provenance(sources[name]))]
        key = content_key([compiler_identity(), *self.options, *texts, *headers])
        entry = self.cache.load(key) if self.cache else None
        if entry is not None:
            return read_report(names, self.target, entry, from_cache=True)
        entry = CacheEntry(*self._run(sources))
        kernels = read_report(names, self.target, entry, from_cache=False)
        if self.cache is not None:
            self.cache.store(key, entry, joined(sources))
        return kernels

    def _run(self, sources: Mapping[str, str]) -> tuple[bytes, str]:
        """The cubin and log of a program from NVRTC; CompileError when it fails or exceeds the time limit."""
        name, source = next(iter(sources.items()))
        program = NvrtcProgram(name, joined(sources), self.options, self.headers)
        try:
            if name in self.heavy:
                return run_in_child(program, self.children, self.seconds)
            with self._cancellable(self.seconds * len(sources)) as cancellation:
                return run(program, cancellation)
        except CompileError as error:
            raise _attributed(error, source, self.nodes.get(name, ())) from None
        except TimeoutError:
            kernel = f"kernel {name}{nodes_text(self.nodes.get(name, ()))} for {self.target}"
            raise CompileError(
                f"{kernel} took longer than {self.seconds:g} s to compile",
                hint="it computes too much at once: --nofuse and --disable-rule keep its ops apart, and a "
                "hand-written kernel can be split; Sin, Cos, Tan, Pow and Mod cost most",
            ) from None

    @contextmanager
    def _cancellable(self, seconds: float) -> Iterator[Cancellation]:
        """A context for a compilation that is cancelled after SECONDS, and by `stop`."""
        cancellation = Cancellation()
        deadline = threading.Timer(seconds, cancellation.request)
        deadline.daemon = True
        with self._lock:
            self._running.add(cancellation)
            if self._stopped:
                cancellation.request()
        deadline.start()
        try:
            yield cancellation
        finally:
            deadline.cancel()
            with self._lock:
                self._running.discard(cancellation)

    def stop(self) -> None:
        """Cancel all running compilations as soon as possible."""
        with self._lock:
            self._stopped = True
            for cancellation in self._running:
                cancellation.request()
        self.children.stop()


def _attributed(error: CompileError, source: str, nodes: Sequence[str]) -> CompileError:
    """ERROR with the ONNX NODES of the kernel that it is about, and what its SOURCE says of itself."""
    return CompileError.of(about_kernel(replace(error.diagnostic, nodes=tuple(nodes)), source))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
