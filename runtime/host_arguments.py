"""Kernel arguments on the host device: buffers, scalars and tensor maps, and their encodings."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import DeviceError
from .dtypes import ELEMENT_TYPES
from .launch_rules import Traversal

ScalarKind = Literal["i32", "u32", "i64", "u64", "f32", "f64"]
_FORMATS: dict[str, str] = {"i32": "<i", "u32": "<I", "i64": "<q", "u64": "<Q", "f32": "<f", "f64": "<d"}
_SWIZZLE_BITS: dict[str, int] = {"none": 0, "32B": 1, "64B": 2, "128B": 3}


@dataclass(frozen=True)
class HostBuffer:
    """A buffer argument: `nbytes` bytes at `address`, kept alive by `owner`."""

    address: int
    nbytes: int
    owner: object = None

    @classmethod
    def of(cls, array: np.ndarray[Any, Any], offset: int = 0, nbytes: int | None = None) -> HostBuffer:
        """Part of a contiguous array; OFFSET and NBYTES in bytes. Raises `DeviceError` if it exceeds the
        array."""
        if not array.flags.c_contiguous:
            raise DeviceError("a buffer argument has to be contiguous")
        whole = cls(array.__array_interface__["data"][0], array.nbytes, array)
        return whole.part(offset, array.nbytes - offset if nbytes is None else nbytes)

    def part(self, offset: int, nbytes: int) -> HostBuffer:
        """The NBYTES bytes from byte OFFSET on. Raises `DeviceError` if they exceed the buffer."""
        if offset < 0 or nbytes < 0 or offset + nbytes > self.nbytes:
            raise DeviceError(
                f"bytes {offset} to {offset + nbytes} lie outside an array of {self.nbytes} bytes"
            )
        return HostBuffer(self.address + offset, nbytes, self.owner)


@dataclass(frozen=True)
class HostScalar:
    """A scalar argument, of one of the scalar kinds."""

    kind: ScalarKind
    value: int | float

    def pack(self) -> bytes:
        """The value's bytes. Raises `DeviceError` if it does not fit its kind."""
        try:
            return struct.pack(_FORMATS[self.kind], self.value)
        except (struct.error, OverflowError, KeyError) as error:
            raise DeviceError(f"{self.value!r} does not fit a scalar of kind {self.kind}: {error}") from None


@dataclass(frozen=True)
class HostTensorMap:
    """A tensor map, for the host implementation of the bulk copies.

    `dims` are innermost first, in elements of `dtype`; `strides` are in bytes, for dimensions 1 and up.
    """

    buffer: HostBuffer
    dtype: str
    dims: Sequence[int]
    strides: Sequence[int]
    traversal: Traversal

    def pack(self) -> bytes:
        """The 128 bytes that TensorMapView in host_tensor_map.hpp reads. Raises `DeviceError` for an invalid
        map."""
        rank, traversal = len(self.dims), self.traversal
        self._check(rank)
        element = ELEMENT_TYPES[self.dtype].bytes
        words = [0] * 16
        words[0] = self.buffer.address
        words[1] = rank | element << 8 | _SWIZZLE_BITS[traversal.swizzle] << 16
        words[1] |= traversal.im2col << 24 | (traversal.fill == "nan") << 25
        words[1] |= (traversal.rounding == "tf32") << 26
        for axis, step in enumerate(traversal.every(rank)):
            words[1] |= step << (32 + 4 * axis)
        words[2 : 2 + rank] = self.dims
        words[7 : 7 + rank - 1] = self.strides
        for axis, size in enumerate(traversal.box):
            words[11 + axis // 4] |= size << (16 * (axis % 4))
        words[13] = self.buffer.nbytes
        for word, corner in ((14, traversal.lower), (15, traversal.upper)):
            words[word] = sum((at & 0xFFFF) << (16 * axis) for axis, at in enumerate(corner))
        return struct.pack("<16Q", *words)

    def _check(self, rank: int) -> None:
        fault = self.traversal.fault(rank, self.dtype, ELEMENT_TYPES[self.dtype].bytes)
        fault = fault or self.traversal.wrong_sizes(self.dims, self.strides)
        if fault is None and self.buffer.address % self.traversal.alignment:
            fault = f"has an address that is not a multiple of {self.traversal.alignment} bytes"
        if fault is not None:
            raise DeviceError(f"a tensor map {fault}")
        if self.traversal.interleave != "none":
            hint = "it copies plain layouts alone; run this plan on a GPU"
            raise DeviceError("the host device has no interleaved tensor maps", hint)


HostArgument = np.ndarray[Any, Any] | np.generic | HostBuffer | HostScalar | HostTensorMap
