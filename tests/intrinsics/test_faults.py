"""What a kernel does wrong is an error that says where; what it does right is not."""

from __future__ import annotations

import re

import numpy as np
import pytest
from glassrt.errors import DeviceError
from glassrt.runtime.host import HostModule, Order
from glassrt.runtime.host_arguments import HostArgument, HostScalar
from glassrt.runtime.host_memory import aligned_bytes

from .cases import Array

X = aligned_bytes(4 * 100).view(np.float32)
X[:] = np.arange(100)


def out(count: int = 64, dtype: type = np.float32) -> Array:
    return aligned_bytes(count * np.dtype(dtype).itemsize).view(dtype)


def number(value: int) -> HostScalar:
    return HostScalar("i32", value)


def launch(
    kernels: HostModule,
    kernel: str,
    args: list[HostArgument],
    threads: int = 32,
    blocks: int = 1,
    shared: int = 1024,
    order: Order = "forward",
) -> None:
    kernels.launch(kernel, (blocks, 1, 1), (threads, 1, 1), (1, 1, 1), shared, args, order)


WHERE = r"kernel %s, block \(1, 0, 0\), thread \(5, 0, 0\): "
FAULTS: dict[str, tuple[str, list[HostArgument], int, str]] = {
    "read past the end": (
        "read_at",
        [X, out(), number(100)],
        64,
        WHERE % "read_at" + r"read out of bounds: buffer 0 at element 100 of 100",
    ),
    "read before the start": (
        "read_at",
        [X, out(), number(-1)],
        64,
        r"thread \(5, 0, 0\): read out of bounds: buffer 0 at element -1 of 100",
    ),
    "write past the end": (
        "write_at",
        [out(), number(64)],
        64,
        WHERE % "write_at" + r"write out of bounds: buffer 0 at element 64 of 64",
    ),
    "vector past the end": (
        "read_vector_at",
        [X[:99], out(), number(96)],
        32,
        r"read out of bounds: buffer 0 at elements 96 to 99 of 99",
    ),
    "misaligned vector": (
        "read_vector_at",
        [X, out(), number(2)],
        32,
        r"misaligned access: buffer 0 at element 2 is not aligned to 16 bytes",
    ),
    "copy from outside": (
        "copy_at",
        [X, out(), number(100), number(0)],
        32,
        r"read out of bounds: buffer 0 at elements 100 to 103 of 100",
    ),
    "copy from a misaligned address": (
        "copy_at",
        [X, out(), number(1), number(0)],
        32,
        r"misaligned access: buffer 0 at element 1",
    ),
    "copy outside shared memory": (
        "copy_at",
        [X, out(), number(0), number(1024)],
        32,
        r"cp_async out of bounds: 16 bytes at byte 1024 of 1024 of shared memory",
    ),
    "copy to a misaligned address": (
        "copy_at",
        [X, out(), number(0), number(8)],
        32,
        r"cp_async misaligned: byte 8 of shared memory is not aligned to 16 bytes",
    ),
    "diverged barrier": (
        "some_sync",
        [out(), number(63)],
        64,
        r"waits at sync_threads for ever \(diverged barrier\): 63 of 64 threads wait there, 0 elsewhere",
    ),
    "diverged warp": (
        "mixed_warp",
        [out(64, np.int32)],
        64,
        r"diverged warp: at shuffle_\w+ while other lanes are at shuffle_\w+",
    ),
    "copy never waited for": (
        "forgotten_copy",
        [out(128), out()],
        32,
        r"finished with cp_async copies that nothing waited for",
    ),
    "matrix row misaligned": (
        "matrix_at",
        [out(32, np.uint32), number(8)],
        32,
        r"ldmatrix_x4 misaligned: byte \d+ of shared memory is not aligned to 16 bytes",
    ),
    "write past shared memory": (
        "beyond_shared",
        [out(), number(1024)],
        32,
        r"wrote outside the 1024 bytes of dynamic shared memory",
    ),
    "write before shared memory": (
        "beyond_shared",
        [out(), number(-1)],
        32,
        r"wrote outside the 1024 bytes of dynamic shared memory",
    ),
    "barrier nobody completes": (
        "wait_for_nothing",
        [out(64, np.int32), number(1)],
        64,
        r"waits at barrier_wait for ever",
    ),
    "barrier never initialised": (
        "wait_for_nothing",
        [out(64, np.int32), number(0)],
        64,
        r"barrier used before barrier_init",
    ),
}


@pytest.mark.parametrize("order", ["forward", "reverse", ("seeded", 3)], ids=str)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_fault_is_reported(
    kernels: HostModule, fault: tuple[str, list[HostArgument], int, str], order: Order
) -> None:
    kernel, args, threads, message = fault
    with pytest.raises(DeviceError) as caught:
        launch(kernels, kernel, args, threads, blocks=2, order=order)
    assert re.search(message, str(caught.value)), str(caught.value)


def test_the_next_launch_works_after_a_fault(kernels: HostModule) -> None:
    for _ in range(20):
        with pytest.raises(DeviceError):
            launch(kernels, "some_sync", [out(), number(7)], 64)
        y = out()
        launch(kernels, "some_sync", [y, number(64)], 64)
        assert (y == 1).all()


def test_a_copy_lands_at_its_wait_and_not_before(kernels: HostModule) -> None:
    committed, uncommitted = out(32), out(32)
    launch(kernels, "early_read", [X, committed, number(1)])
    launch(kernels, "early_read", [X, uncommitted, number(0)])
    np.testing.assert_array_equal(committed, X[:32])
    assert np.isnan(uncommitted).all()


def test_shared_memory_starts_as_nan(kernels: HostModule) -> None:
    y = out(32)
    launch(kernels, "uninitialised_shared", [y])
    assert np.isnan(y).all()


def test_blocks_run_in_the_order_asked_for(kernels: HostModule) -> None:
    seen = {}
    orders: list[Order] = ["reverse", ("seeded", 1), ("seeded", 1), ("seeded", 2)]
    for i, order in enumerate(orders):
        y = out(65, np.uint32)
        launch(kernels, "block_order", [y], blocks=64, order=order)
        assert sorted(y[1:]) == list(range(64))
        seen[i] = list(y[1:])
    assert seen[0] == list(range(63, -1, -1))
    assert seen[1] == seen[2] != seen[3]


@pytest.mark.parametrize("order", ["forward", "reverse", ("seeded", 3)], ids=str)
def test_a_block_does_not_end_while_a_copy_reads_its_shared_memory(kernels: HostModule, order: Order) -> None:
    y, sizes = out(2, np.int32), ((2, 1, 1), (32, 1, 1), (2, 1, 1), 192)
    kernels.launch("unread_copy", *sizes, [y, number(1)], order)
    assert y.tolist() == [1, 1]
    with pytest.raises(DeviceError, match="the block ends while a cluster_copy reads its shared memory"):
        kernels.launch("unread_copy", *sizes, [y, number(0)], order)


def test_a_copy_between_blocks_is_refused_without_clusters(kernels: HostModule) -> None:
    """A GPU answers it with an illegal instruction, though the block would only copy to itself."""
    with pytest.raises(DeviceError, match="a cluster_copy in a launch without clusters"):
        kernels.launch("unread_copy", (1, 1, 1), (32, 1, 1), (1, 1, 1), 192, [out(2, np.int32), number(1)])


BAD_LAUNCHES: dict[str, tuple[dict[str, object], str]] = {
    "no such kernel": ({"kernel": "nowhere"}, "no kernel named 'nowhere'"),
    "too many threads": ({"block": (1024, 2, 1)}, "2048 threads in a block, 1024 is the most"),
    "no blocks": ({"grid": (0, 1, 1)}, "sizes below 1"),
    "cluster does not divide": ({"grid": (3, 1, 1), "cluster": (2, 1, 1)}, "does not divide the grid"),
    "too much shared memory": (
        {"shared_bytes": 1 << 20},
        "1048576 bytes of shared memory, 232448 is the most",
    ),
    "missing argument": ({"args": [X]}, "kernel write_at: takes 2 arguments, got 1"),
    "wrong size of scalar": ({"args": [X, HostScalar("i64", 0)]}, "argument 1 has 4 bytes, got 8"),
}


@pytest.mark.parametrize("change", BAD_LAUNCHES.values(), ids=BAD_LAUNCHES.keys())
def test_bad_launch_is_refused(kernels: HostModule, change: tuple[dict[str, object], str]) -> None:
    launch = {
        "kernel": "write_at",
        "grid": (1, 1, 1),
        "block": (32, 1, 1),
        "cluster": (1, 1, 1),
        "shared_bytes": 0,
        "args": [X, number(0)],
    }
    with pytest.raises(DeviceError, match=re.escape(change[1])):
        kernels.launch(**{**launch, **change[0]})  # type: ignore[arg-type]
