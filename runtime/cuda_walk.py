"""Executes a program on a GPU launch by launch: conditions and trip counts are read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cuda_call import Addresses
from .cuda_driver import Driver
from .device import Array
from .program import BoundBuffer


@dataclass(frozen=True)
class CudaMachine:
    """A GPU as a `walk.Machine`: `launch` issues a launch of the program to `stream`, the only one."""

    driver: Driver
    addresses: Addresses
    stream: Any
    launch: Callable[[int], None]

    def read(self, buffer: BoundBuffer) -> Array:
        self.driver.call("cuStreamSynchronize", self.stream)
        return read_buffer(self.driver, buffer, self.addresses)

    def write(self, buffer: BoundBuffer, content: Array) -> None:
        # From pageable memory: the driver has copied the bytes when the call returns.
        where = self.addresses.of(buffer)
        self.driver.call("cuMemcpyHtoDAsync", where, content.ctypes.data, content.nbytes, self.stream)


def read_buffer(driver: Driver, buffer: BoundBuffer, addresses: Addresses) -> Array:
    """A copy of BUFFER's bytes in host memory; nothing that is still running may write them."""
    copy: Array = np.empty(buffer.bytes, np.uint8)
    if buffer.bytes:
        driver.call("cuMemcpyDtoH", copy.ctypes.data, addresses.of(buffer), buffer.bytes)
    return copy
