"""CUDA source to cubin with NVRTC: in parallel threads, through the cache, without a GPU.

`cuda.core.Program` cannot take headers from memory, so this module uses `cuda.bindings.nvrtc`.
The bindings release the GIL while NVRTC works: two threads on two cores compile twice as fast.
`source_check` has refused everything that could make NVRTC open a file before it sees a kernel.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from typing import Any

from cuda.bindings import nvrtc

from ..errors import CompileError, UnsupportedError
from .cache import CacheEntry, KernelCache, content_key
from .source_check import check_headers, check_source, redact

# `-v` makes ptxas report registers and spills. The disk cache of NVRTC itself is off: ours is the one
# cache. The process-wide stack limit stays alone because threads would race on restoring it. Rounding
# stays IEEE (no fast-math), and products are fused with sums only where a kernel says so: a number that
# is quantised afterwards must be the same on every device.
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
LEAST_SM = 80
_TARGET = re.compile(r"sm_([1-9][0-9]{1,2})([af]?)")
_ENTRY = re.compile(r"Compiling entry function '([^']*)'")
_REGISTERS = re.compile(r"Used (\d+) registers")
_SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_LOST_PERFORMANCE = re.compile(r"\(C75(?:0[4-9]|1[0-5])\)[^\n]*")
_VOLATILE_LINE = re.compile(r"^.*Compile time = .*\n?", re.MULTILINE)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class CompiledKernel:
    """One kernel for one target.

    `entry` is the symbol in `cubin` (the kernel is extern "C", so it is the kernel's name);
    `log` is ptxas's report; spills and stack are bytes per thread.
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
        major, minor = _checked(nvrtc.nvrtcVersion())
    except RuntimeError as error:  # DynamicLibNotFoundError is one
        raise CompileError(
            "the NVRTC library was not found",
            hint="pip install nvidia-cuda-nvrtc, or build for target 'host'",
        ) from error
    return int(major), int(minor)


@lru_cache(maxsize=1)
def compiler_identity() -> str:
    """Text that changes whenever NVRTC may generate other code: a part of every cache key."""
    major, minor = compiler_version()
    try:
        wheel = metadata.version("nvidia-cuda-nvrtc")
    except metadata.PackageNotFoundError:
        wheel = "system"
    return f"nvrtc {major}.{minor} ({wheel})"


@lru_cache(maxsize=1)
def supported_targets() -> tuple[str, ...]:
    """Every `sm_XX` that NVRTC and the kernels' instructions know, with the variants `a` and `f`."""
    compiler_version()
    targets: list[str] = []
    for number in _checked(nvrtc.nvrtcGetSupportedArchs())[0]:
        if number < LEAST_SM:
            continue
        targets.append(f"sm_{number}")
        if number >= 90:
            targets.append(f"sm_{number}a")
        if number >= 100:
            targets.append(f"sm_{number}f")
    return tuple(targets)


def check_target(target: str) -> None:
    """Raise UnsupportedError unless NVRTC can produce a cubin for `target`."""
    if _TARGET.fullmatch(target) is None or target not in supported_targets():
        known = ", ".join(supported_targets())
        hint = f"NVRTC here compiles for {known}; the kernels need sm_{LEAST_SM} (cp.async, NaN-keeping max)"
        raise UnsupportedError(f"unknown target {target!r}", hint=hint)


def compile_kernels(
    sources: Mapping[str, str],
    target: str,
    headers: Mapping[str, str],
    cache: KernelCache | None,
    *,
    designed: Collection[str] = frozenset(),
    progress: Progress | None = None,
    seconds: float = SECONDS_PER_KERNEL,
) -> dict[str, CompiledKernel]:
    """Compile every source (kernel name -> CUDA text) for `target`, in the order of `sources`.

    `headers` are the only files an `#include` can find. Kernels named in `designed` must not
    spill and must not draw C7504-C7515 (ignored setmaxnreg, serialised wgmma). `progress` is
    called here with (kernel, done, total). A kernel may take at most `seconds`.
    Raises CompileError for the first kernel in order that fails, UnsupportedError for the target.
    """
    check_target(target)
    check_headers(headers)
    for name, source in sources.items():
        check_source(name, source)
    job = _Job(target, headers, cache, seconds)
    results: dict[str, CompiledKernel] = {}
    failures: dict[str, CompileError] = {}
    with ThreadPoolExecutor(max_workers=_cores(), thread_name_prefix="nvrtc") as pool:
        futures = {pool.submit(job.compile, name, source): name for name, source in sources.items()}
        try:
            _collect(futures, results, failures, progress)
        except BaseException:
            job.cancelled.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    if cache is not None:
        cache.trim()
    for name in sources:
        if name in failures:
            raise failures[name]
        if name in designed:
            check_designed(results[name])
    return {name: results[name] for name in sources}


def check_designed(kernel: CompiledKernel) -> None:
    """Raise CompileError when a designed kernel spills or lost its asynchrony."""
    if kernel.spill_bytes:
        raise CompileError(
            f"kernel {kernel.entry} for {kernel.target} spills {kernel.spill_bytes} bytes per thread "
            f"({kernel.registers} registers)",
            hint="build it on the host or for a GPU with more registers, or take ops out of it: "
            "`glassrt explain PLAN NODE` says what is in there, --nofuse and --disable-rule keep it apart",
        )
    warning = _LOST_PERFORMANCE.search(kernel.log)
    if warning:
        raise CompileError(f"kernel {kernel.entry} for {kernel.target}: {warning.group().strip()}")


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
    """What the kernels of one call share."""

    def __init__(
        self, target: str, headers: Mapping[str, str], cache: KernelCache | None, seconds: float
    ) -> None:
        self.target = target
        self.headers = dict(sorted(headers.items()))
        self.cache = cache
        self.seconds = seconds
        self.options = (f"--gpu-architecture={target}", *OPTIONS)
        self.cancelled = threading.Event()

    def compile(self, name: str, source: str) -> CompiledKernel:
        headers = [part for item in self.headers.items() for part in item]
        key = content_key([compiler_identity(), *self.options, name, source, *headers])
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
        """(cubin, log) from NVRTC, which may be cancelled while it works."""
        names = [header.encode() for header in self.headers]
        texts = [text.encode() for text in self.headers.values()]
        program = _checked(
            nvrtc.nvrtcCreateProgram(source.encode(), f"{name}.cu".encode(), len(names), texts, names)
        )[0]
        try:
            watch = _Watch(self.cancelled, self.seconds)
            _checked(nvrtc.nvrtcSetFlowCallback(program, watch.address, 0))
            status = nvrtc.nvrtcCompileProgram(
                program, len(self.options), [option.encode() for option in self.options]
            )[0]
            log = _VOLATILE_LINE.sub("", redact(_log(program)))
            if status == nvrtc.nvrtcResult.NVRTC_ERROR_CANCELLED:
                raise CompileError(
                    f"kernel {name} for {self.target} took longer than {self.seconds:g} s to compile",
                    hint="the fused region is too large: switch off the fusion that made it",
                )
            if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
                raise CompileError(f"kernel {name} does not compile for {self.target}:\n{log.strip()}")
            cubin = bytes(_checked(nvrtc.nvrtcGetCUBINSize(program))[0])
            _checked(nvrtc.nvrtcGetCUBIN(program, cubin))
            return cubin, log
        finally:
            nvrtc.nvrtcDestroyProgram(program)


class _Watch:
    """The callback by which NVRTC asks, about once a millisecond, whether to go on.

    The code optimiser asks; ptxas, the shorter part, does not. Once it has said stop it keeps to it,
    as NVRTC demands. The object must outlive the compilation: NVRTC holds only the address.
    """

    def __init__(self, cancelled: threading.Event, seconds: float) -> None:
        deadline = time.monotonic() + seconds

        def stop(_payload: int | None, _reserved: int | None) -> int:
            return int(cancelled.is_set() or time.monotonic() > deadline)

        self._callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(stop)
        self.address = ctypes.cast(self._callback, ctypes.c_void_p).value


def _log(program: Any) -> str:
    # The bindings write into the bytes object that they are given.
    text = bytes(_checked(nvrtc.nvrtcGetProgramLogSize(program))[0])
    _checked(nvrtc.nvrtcGetProgramLog(program, text))
    return text.rstrip(b"\0").decode("utf-8", "replace")


def _checked(answer: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values behind the status of a call to the bindings; CompileError if it failed."""
    if answer[0] != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        raise CompileError(f"NVRTC failed: {answer[0].name}")
    return answer[1:]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
