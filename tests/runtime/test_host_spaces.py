"""Spaces in host memory: bytes of buffers, kernel arguments, and copies at aligned addresses."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.runtime.host_arguments import HostScalar, HostTensorMap
from glassrt.runtime.host_memory import ALIGNMENT, aligned_bytes
from glassrt.runtime.host_spaces import HostMachine, HostSpaces, aligned_copy, bytes_of, host_argument
from glassrt.runtime.launch_rules import Traversal
from glassrt.runtime.program import BoundBuffer, BoundScalar, BoundTensorMap


def spaces() -> HostSpaces:
    arena, weights, x, y = (np.arange(first, first + 16, dtype=np.uint8) for first in (0, 50, 100, 150))
    return HostSpaces(arena, weights, [x], [y])


@pytest.mark.parametrize(("space", "first"), [("arena", 0), ("weights", 50), ("input", 100), ("output", 150)])
def test_a_buffer_is_a_part_of_its_space(space: str, first: int) -> None:
    memory, buffer = spaces(), BoundBuffer("b", space, 0, 4, 8)
    np.testing.assert_array_equal(memory.bytes(buffer), np.arange(first + 4, first + 12))
    assert memory.of(buffer).address == memory.bytes(buffer).ctypes.data and memory.of(buffer).nbytes == 8


def test_a_machine_writes_no_further_than_the_content() -> None:
    memory, buffer = spaces(), BoundBuffer("b", "arena", 0, 4, 8)
    machine = HostMachine(memory, lambda index: None)
    machine.write(buffer, np.full(3, 99, np.uint8))
    np.testing.assert_array_equal(machine.read(buffer), [99, 99, 99, 7, 8, 9, 10, 11])


def test_arguments_of_a_kernel() -> None:
    memory, buffer = spaces(), BoundBuffer("b", "input", 0, 0, 16)
    assert host_argument(buffer, memory) == memory.of(buffer)
    assert host_argument(BoundScalar("i32", 3), memory) == HostScalar("i32", 3)
    map = BoundTensorMap(buffer, "f16", (4, 2), (8,), Traversal((4, 1)))
    found = host_argument(map, memory)
    assert isinstance(found, HostTensorMap) and (found.dims, found.strides) == ((4, 2), (8,))


def test_only_what_is_not_aligned_or_not_dense_is_copied() -> None:
    storage = aligned_bytes(64)
    assert np.shares_memory(aligned_copy(storage), storage)
    for array in (storage[1:9], storage.reshape(8, 8).T):
        copy = aligned_copy(array)
        assert copy.ctypes.data % ALIGNMENT == 0 and not np.shares_memory(copy, storage)
    np.testing.assert_array_equal(aligned_copy(np.arange(4).reshape(2, 2).T).view(np.int64), [0, 2, 1, 3])
    assert aligned_copy(np.zeros((0, 3), np.float32)).size == 0


def test_bytes_are_those_of_the_array() -> None:
    array = np.zeros((2, 2), np.float32)
    bytes_of(array)[:] = 255
    assert np.isnan(array).all()
