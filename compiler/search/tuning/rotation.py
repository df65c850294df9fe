"""The program that a candidate is timed by: many launches, each on inputs that are as cold as they will be.

Inputs that are cold where the kernel runs are there in several copies, which the launches take in turn. Where
all copies together do not exceed the L2 cache, a launch that empties it comes first, and every copy is used
once. Inputs that a kernel before has just written, or that fit in the cache, are there once. Launches follow
each other as they will: with programmatic dependent launch where the plan has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from ....runtime.program import (
    BoundArgument,
    BoundBuffer,
    BoundLaunch,
    BoundTensor,
    BoundTensorMap,
    Program,
)
from .trial import EVICTING, MEASURED

MOST_COPIES = 24
LEAST_LAUNCHES, MOST_LAUNCHES = 4, 48
ABOUT_US = 400.0  # of a program, so that the time of starting it does not matter
ALIGNMENT = 256


@dataclass(frozen=True)
class Rotation:
    """How many launches a program has, and how many copies of its cold inputs; whether the cache is
    emptied."""

    launches: int = 1
    copies: int = 1
    evicts: bool = False


def rotation_for(cold_bytes: int, microseconds: float, l2_bytes: int) -> Rotation:
    """The rotation for a kernel of about MICROSECONDS that reads COLD_BYTES which are not in a cache of
    L2_BYTES."""
    if not l2_bytes:
        return Rotation()
    wanted = min(max(ceil(ABOUT_US / max(microseconds, 1.0)), LEAST_LAUNCHES), MOST_LAUNCHES)
    if not cold_bytes:
        return Rotation(wanted)
    enough = ceil(
        2 * l2_bytes / cold_bytes
    )  # copies that exceed the cache, so that each is cold when its turn comes
    if enough <= MOST_COPIES:
        return Rotation(ceil(wanted / enough) * enough, enough)
    copies = min(wanted, MOST_COPIES)
    return Rotation(copies, copies, evicts=True)


@dataclass(frozen=True)
class TrialMemory:
    """Where the operands of a trial lie: for each that the kernel reads or writes, the input or output and
    the bytes from one copy to the next."""

    spaces: tuple[tuple[str, int], ...]  # by operand: the space, and the index in it
    strides: tuple[int, ...]  # 0 for what is there once

    def moved(self, argument: BoundArgument, names: Mapping[str, int], copy: int) -> BoundArgument:
        """ARGUMENT on copy number COPY; NAMES has the operands by the name of their buffer."""
        if isinstance(argument, BoundTensorMap):
            buffer = self.moved(argument.buffer, names, copy)
            assert isinstance(buffer, BoundBuffer)
            return replace(argument, buffer=buffer)
        if not isinstance(argument, BoundBuffer) or argument.name not in names:
            return argument
        operand = names[argument.name]
        space, index = self.spaces[operand]
        return replace(argument, space=space, index=index, offset=self.strides[operand] * copy)


def aligned(size: int) -> int:
    """SIZE in bytes, rounded up to where the next copy may begin."""
    return ceil(size / ALIGNMENT) * ALIGNMENT


def operands_of(program: Program, count: int) -> tuple[BoundBuffer, ...]:
    """The buffers of the first COUNT arguments of the measured launch: what it reads, then what it writes."""
    found = program.launches[MEASURED].arguments[:count]
    return tuple(each for each in found if isinstance(each, BoundBuffer))


def rotated(program: Program, memory: TrialMemory, rotation: Rotation, measured: bool = True) -> Program:
    """PROGRAM, of a trial, with the launches of ROTATION; without MEASURED only with what surrounds these."""
    names = {buffer.name: at for at, buffer in enumerate(operands_of(program, len(memory.spaces)))}
    launch = program.launches[MEASURED]
    launches: list[BoundLaunch] = [program.launches[EVICTING]] if rotation.evicts else []
    for number in range(rotation.launches if measured else 0):
        copy = number % rotation.copies
        moved = tuple(memory.moved(argument, names, copy) for argument in launch.arguments)
        launches.append(replace(launch, arguments=moved))
    sizes = {place: memory.strides[at] * rotation.copies for at, place in enumerate(memory.spaces)}
    return replace(
        program,
        # Programs of one session are told apart by their symbols.
        symbols=(*program.symbols, ("launches", len(launches)), ("copies", rotation.copies)),
        inputs=tuple(_grown(each, sizes.get(("input", at), 0)) for at, each in enumerate(program.inputs)),
        outputs=tuple(_bytes(each) for each in program.outputs),
        launches=tuple(launches),
        steps=tuple(range(len(launches))),
    )


def _grown(tensor: BoundTensor, size: int) -> BoundTensor:
    """TENSOR as bytes, SIZE at least."""
    return _bytes(replace(tensor, bytes=max(tensor.bytes, size)))


def _bytes(tensor: BoundTensor) -> BoundTensor:
    return BoundTensor(tensor.name, "u8", (tensor.bytes,), tensor.bytes)
