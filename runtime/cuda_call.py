"""A program with all that its graph depends on: its addresses, and the copies around its launches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .cuda_device import Handle
from .cuda_driver import Driver
from .program import BoundBuffer, Program
from .unroll import ITERATIONS


class Addresses(NamedTuple):
    """Device addresses of a program's spaces: arena, weights, inputs, outputs and the table of iterations."""

    arena: int
    weights: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    iterations: int = 0

    def of(self, buffer: BoundBuffer) -> int:
        """Device address of a buffer."""
        if buffer.space == "arena":
            return self.arena + buffer.offset
        if buffer.space == "weights":
            return self.weights + buffer.offset
        if buffer.space == ITERATIONS:
            return self.iterations + buffer.offset
        return (self.inputs if buffer.space == "input" else self.outputs)[buffer.index] + buffer.offset


class CudaCopy(NamedTuple):
    """A copy of `size` bytes from the address `source` to `to`, by the driver's function `function`."""

    function: str
    to: int
    source: int
    size: int


@dataclass(eq=False, slots=True)
class CudaCall:
    """One way to run a program: on these addresses, with copies before its launches and after them.

    `graph` is its graph, once there is one; another call may be given the same one.
    """

    program: Program
    addresses: Addresses
    before: tuple[CudaCopy, ...] = ()
    after: tuple[CudaCopy, ...] = ()
    graph: Handle | None = field(default=None, init=False)

    @property
    def key(self) -> object:
        """The key of a graph: calls with equal keys can use one graph."""
        return self.program.symbols, self.addresses, self.before, self.after


def issue_copies(driver: Driver, copies: Iterable[CudaCopy], stream: Any) -> None:
    """Issue COPIES to STREAM, which may be captured. Raises `DeviceError`."""
    for function, to, source, size in copies:
        driver.call(function, to, source, size, stream)
