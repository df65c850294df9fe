"""The host device: runs a plan's kernels on this machine's CPU.

A `HostModule` compiles CUDA sources against the host implementation of the intrinsics and launches
them: one fiber per thread, poisoned shared memory, checked buffers, and blocks in a chosen order. A
kernel's error (an access out of bounds, a barrier that not all threads reach, a misaligned vector,
an asynchronous copy that is never waited for) is a DeviceError that names kernel, block, thread and argument.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import DeviceError
from ..errors.head_comment import about_kernel
from .host_arguments import HostArgument, HostBuffer, HostTensorMap
from .host_cache import CompiledCache
from .host_compiler import build_library, kernel_names, processor_count
from .launch_rules import MAX_CLUSTER, MAX_SHARED_BYTES

Order = Literal["forward", "reverse"] | tuple[Literal["seeded"], int]

MOST_THREADS = 1024
MOST_TOGETHER = 64  # blocks of a cooperative grid, which is run as one cluster
_MESSAGE_BYTES = 2048
_STILL_RUNNING = 2
_MOST_WORKERS = 16


class _CArgument(ctypes.Structure):
    """Mirrors glass::host::Argument."""

    _fields_ = [("data", ctypes.c_void_p), ("bytes", ctypes.c_uint64)]


class _CLaunch(ctypes.Structure):
    """Mirrors glass::host::Launch."""

    _fields_ = [
        ("entry", ctypes.c_void_p),
        ("arguments", ctypes.POINTER(_CArgument)),
        ("argument_count", ctypes.c_uint64),
        ("shared_bytes", ctypes.c_uint64),
        ("seed", ctypes.c_uint64),
        ("order", ctypes.c_uint32),
        ("workers", ctypes.c_uint32),
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("cluster", ctypes.c_uint32 * 3),
        ("running", ctypes.c_void_p),
    ]


@dataclass
class PreparedLaunch:
    """A launch with its arguments bound; may run many times, in one thread at a time."""

    _library: ctypes.CDLL
    _launch: _CLaunch
    _keep: list[object] = field(repr=False)

    def run(self, order: Order = "forward") -> None:
        """Run the whole grid. Raises `DeviceError` with what the kernel did wrong.

        A long run returns to Python every 50 ms to handle signals; an exception from a signal handler, such
        as KeyboardInterrupt, ends it.
        """
        kind, seed = _order(order)
        self._launch.order, self._launch.seed = kind, seed
        message = ctypes.create_string_buffer(_MESSAGE_BYTES)
        arguments = ctypes.byref(self._launch), message, ctypes.c_ulonglong(_MESSAGE_BYTES)
        try:
            while (status := self._library.glass_host_launch(*arguments)) == _STILL_RUNNING:
                pass
        except BaseException:
            if self._launch.running:
                self._library.glass_host_abandon(arguments[0])
            raise
        if status:
            raise DeviceError(message.value.decode(errors="replace"))


class HostModule:
    """The kernels of a plan, compiled for this machine.

    `sources` maps names to CUDA texts that include "glass.cuh"; `headers` maps the file names of the
    intrinsics to their texts. `workers` limits the threads that a launch uses (default: all processors, at
    most 16). Raises `CompileError` if the compiler rejects a kernel, `DeviceError` if there is no compiler.
    """

    def __init__(
        self,
        sources: Mapping[str, str],
        headers: Mapping[str, str],
        cache_dir: Path | str | None = None,
        workers: int | None = None,
    ) -> None:
        cache = CompiledCache(None if cache_dir is None else Path(cache_dir))
        self._texts = {name: source for source in sources.values() for name in kernel_names(source)}
        self.kernels = tuple(self._texts)
        self.path = build_library(sources, headers, cache)
        self.workers = min(workers or processor_count(), _MOST_WORKERS)
        try:
            self._library = ctypes.CDLL(str(self.path))
        except OSError as error:
            raise DeviceError("the compiled kernels do not load", hint=str(error)) from error
        self._entries = {name: self._entry(name) for name in self.kernels}
        # Without this, a process that runs hundreds of plans would keep the fiber stacks of all of them.
        weakref.finalize(self, self._library.glass_host_release)

    def _entry(self, name: str) -> int:
        return ctypes.addressof(ctypes.c_char.in_dll(self._library, f"{name}_entry"))

    def prepare(
        self,
        kernel: str,
        grid: Sequence[int],
        block: Sequence[int],
        cluster: Sequence[int],
        shared_bytes: int,
        args: Sequence[HostArgument],
        cooperative: bool = False,
    ) -> PreparedLaunch:
        """Check the launch and bind its arguments; all blocks of a COOPERATIVE one run together. Raises
        `DeviceError` for a launch that no GPU would accept, or that the host cannot hold."""
        if kernel not in self._entries:
            raise DeviceError(
                f"no kernel named {kernel!r}", hint=f"there are {', '.join(self.kernels) or 'none'}"
            )
        _check_launch(kernel, grid, block, cluster, shared_bytes)
        if cooperative:
            cluster = _together(kernel, grid)
        keep: list[object] = []
        arguments = (_CArgument * max(1, len(args)))(*(_argument(argument, keep) for argument in args))
        launch = _CLaunch(
            entry=self._entries[kernel],
            arguments=arguments,
            argument_count=len(args),
            shared_bytes=shared_bytes,
            workers=self.workers,
            grid=tuple(grid),
            block=tuple(block),
            cluster=tuple(cluster),
        )
        return PreparedLaunch(self._library, launch, [arguments, keep])

    def launch(
        self,
        kernel: str,
        grid: Sequence[int],
        block: Sequence[int],
        cluster: Sequence[int],
        shared_bytes: int,
        args: Sequence[HostArgument],
        order: Order = "forward",
        cooperative: bool = False,
    ) -> None:
        """Run one grid: `prepare` and `run` in one call."""
        try:
            self.prepare(kernel, grid, block, cluster, shared_bytes, args, cooperative).run(order)
        except DeviceError as error:
            raise DeviceError.of(about_kernel(error.diagnostic, self._texts.get(kernel, ""))) from None


def _order(order: Order) -> tuple[int, int]:
    if order == "forward":
        return 0, 0
    if order == "reverse":
        return 1, 0
    kind, seed = order
    if kind != "seeded":
        raise DeviceError(f"{order!r} is not a block order", hint="forward, reverse or ('seeded', n)")
    return 2, int(seed) % 2**64


def _check_launch(
    kernel: str, grid: Sequence[int], block: Sequence[int], cluster: Sequence[int], shared_bytes: int
) -> None:
    if not len(grid) == len(block) == len(cluster) == 3:
        raise DeviceError(f"kernel {kernel}: grid, block and cluster have three sizes each")
    if any(not 1 <= size < 2**31 for size in (*grid, *block, *cluster)):
        raise DeviceError(
            f"kernel {kernel}: grid {grid}, block {block}, cluster {cluster} have sizes below 1"
        )
    threads = block[0] * block[1] * block[2]
    if threads > MOST_THREADS:
        raise DeviceError(f"kernel {kernel}: {threads} threads in a block, {MOST_THREADS} is the most")
    if cluster[0] * cluster[1] * cluster[2] > MAX_CLUSTER:
        raise DeviceError(f"kernel {kernel}: a cluster of {cluster}, {MAX_CLUSTER} blocks is the most")
    if any(blocks % size for blocks, size in zip(grid, cluster, strict=True)):
        raise DeviceError(f"kernel {kernel}: the cluster {cluster} does not divide the grid {grid}")
    if not 0 <= shared_bytes <= MAX_SHARED_BYTES:
        raise DeviceError(
            f"kernel {kernel}: {shared_bytes} bytes of shared memory, {MAX_SHARED_BYTES} is the most"
        )


def _together(kernel: str, grid: Sequence[int]) -> Sequence[int]:
    """The cluster whose blocks are all of GRID."""
    blocks = grid[0] * grid[1] * grid[2]
    if blocks > MOST_TOGETHER:
        raise DeviceError(
            f"kernel {kernel}: {blocks} blocks wait for each other, {MOST_TOGETHER} is the most on the host"
        )
    return grid


def _argument(argument: HostArgument, keep: list[object]) -> _CArgument:
    """The C form of one argument; the objects that it points to are appended to KEEP."""
    if isinstance(argument, np.ndarray):
        argument = HostBuffer.of(argument)
    if isinstance(argument, HostBuffer):
        keep.append(argument)
        return _CArgument(argument.address or None, argument.nbytes)
    data = argument.tobytes() if isinstance(argument, np.generic) else argument.pack()
    if isinstance(argument, HostTensorMap):
        keep.append(argument.buffer)
    value = ctypes.create_string_buffer(data, len(data))
    keep.append(value)
    return _CArgument(ctypes.addressof(value), len(data))
