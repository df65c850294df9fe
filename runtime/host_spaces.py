"""The spaces of a program in host memory: its arena, weights, inputs and outputs, for one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .device import Array
from .host_arguments import HostArgument, HostBuffer, HostScalar, HostTensorMap
from .host_memory import ALIGNMENT, aligned_bytes
from .program import (
    BoundArgument,
    BoundBuffer,
    BoundScalar,
)


class HostSpaces:
    """The memory of a program's spaces in one run: arena, weights, inputs and outputs."""

    def __init__(
        self, arena: Array, weights: Array, inputs: Sequence[Array], outputs: Sequence[Array]
    ) -> None:
        self.outputs = outputs
        self._arrays = {("arena", 0): arena, ("weights", 0): weights}
        self._arrays |= {("input", index): array for index, array in enumerate(inputs)}
        self._arrays |= {("output", index): array for index, array in enumerate(outputs)}
        self._buffers = {place: HostBuffer.of(array) for place, array in self._arrays.items()}

    def of(self, buffer: BoundBuffer) -> HostBuffer:
        """A buffer as a kernel argument."""
        return self._buffers[buffer.space, buffer.index].part(buffer.offset, buffer.bytes)

    def bytes(self, buffer: BoundBuffer) -> Array:
        """A buffer's bytes."""
        array = self._arrays[buffer.space, buffer.index]
        return array[buffer.offset : buffer.offset + buffer.bytes]


@dataclass(frozen=True)
class HostMachine:
    """The host as a machine that programs are executed on, launch by launch, in `memory`."""

    memory: HostSpaces
    launch: Callable[[int], None]

    def read(self, buffer: BoundBuffer) -> Array:
        return self.memory.bytes(buffer)

    def write(self, buffer: BoundBuffer, content: Array) -> None:
        self.memory.bytes(buffer)[: content.size] = content


def host_argument(argument: BoundArgument, memory: HostSpaces) -> HostArgument:
    """ARGUMENT in the form that the host device takes."""
    if isinstance(argument, BoundBuffer):
        return memory.of(argument)
    if isinstance(argument, BoundScalar):
        return HostScalar("i32" if argument.kind == "i32" else "i64", argument.value)
    return HostTensorMap(
        memory.of(argument.buffer), argument.dtype, argument.dims, argument.strides, argument.traversal
    )


def aligned_copy(array: Array) -> Array:
    """The array as dense bytes at an aligned address; no copy if it is that already."""
    if array.flags.c_contiguous and array.ctypes.data % ALIGNMENT == 0:
        return bytes_of(array)
    copy: Array = aligned_bytes(array.nbytes, ALIGNMENT)
    if array.nbytes:
        np.copyto(copy.view(array.dtype).reshape(array.shape), array)
    return copy


def bytes_of(array: Array) -> Array:
    """The bytes of a dense array, in its own memory."""
    return array.reshape(-1).view(np.uint8)
