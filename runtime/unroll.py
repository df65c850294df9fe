"""A program as the parts of a CUDA graph: segments of launches to capture, and conditional nodes between
them.

A loop with a trip count known before the run, and without a condition, needs no conditional node: its body is
captured once per iteration, as long as the graph stays small. Its launches then read the iteration from a
table of 0, 1, 2, ... instead of the loop's counter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from .program import BoundArgument, BoundBuffer, BoundLaunch, BoundRepeat, BoundStep, Program
from .steps import COUNTER_BYTES, Branch

MOST_LAUNCHES = 4096  # of an unrolled loop; a WHILE node takes 4 to 5 us per iteration, a launch 0.8 us
ITERATIONS = "iterations"  # the space of the table


@dataclass(frozen=True)
class Segment:
    """Consecutive launches, with their numbers in the program."""

    launches: tuple[tuple[int, BoundLaunch], ...]

    @property
    def on_one_stream(self) -> bool:
        """Whether all launches are on the first stream, so that they run in order of the list."""
        return all(launch.stream == 0 for _, launch in self.launches)


@dataclass(frozen=True)
class IfNode:
    """A conditional node that runs one of two bodies."""

    condition: BoundBuffer
    then: tuple[GraphPart, ...]
    otherwise: tuple[GraphPart, ...]


@dataclass(frozen=True)
class WhileNode:
    """A conditional node that runs its body repeatedly."""

    loop: BoundRepeat
    body: tuple[GraphPart, ...]


GraphPart = Segment | IfNode | WhileNode


def graph_parts(program: Program) -> tuple[GraphPart, ...]:
    """The parts of PROGRAM's graph, in order; each begins after the one before has ended."""
    return _parts(program.steps, program.launches, {})


def is_unrolled(step: BoundStep) -> TypeGuard[BoundRepeat]:
    """Whether STEP is a loop that is captured iteration by iteration."""
    if isinstance(step, (int, Branch)) or step.trips is not None or step.condition is not None:
        return False
    return step.bound is not None and step.bound * max(_size(step.body), 1) <= MOST_LAUNCHES


def iterations_needed(steps: Sequence[BoundStep]) -> int:
    """The number of entries that the unrolled loops of STEPS need in the table of iterations."""
    return max((_iterations(step) for step in steps), default=0)


def _iterations(step: BoundStep) -> int:
    if isinstance(step, int):
        return 0
    if isinstance(step, Branch):
        return max(iterations_needed(step.then), iterations_needed(step.otherwise))
    own = max(step.bound or 0, 0) if is_unrolled(step) else 0
    return max(own, iterations_needed(step.body))


def _size(steps: Sequence[BoundStep]) -> int:
    """The number of launches and conditional nodes that STEPS are captured as."""
    count = 0
    for step in steps:
        if isinstance(step, int):
            count += 1
        elif isinstance(step, Branch):
            count += 1 + _size(step.then) + _size(step.otherwise)
        else:
            times = max(step.bound or 0, 0) if is_unrolled(step) else 1
            count += 1 + times * _size(step.body)
    return count


def _parts(
    steps: Sequence[BoundStep], launches: Sequence[BoundLaunch], known: Mapping[str, BoundBuffer]
) -> tuple[GraphPart, ...]:
    """The parts of STEPS; KNOWN has the table entries of enclosing unrolled iterations, by counter."""
    found: list[GraphPart] = []
    for part in _each(steps, launches, known):
        if isinstance(part, Segment) and found and isinstance(last := found[-1], Segment):
            joined = Segment(last.launches + part.launches)
            if joined.on_one_stream:
                found[-1] = joined
                continue
        found.append(part)
    return tuple(found)


def _each(
    steps: Sequence[BoundStep], launches: Sequence[BoundLaunch], known: Mapping[str, BoundBuffer]
) -> Iterator[GraphPart]:
    segment: list[tuple[int, BoundLaunch]] = []
    for step in steps:
        if isinstance(step, int):
            segment.append((step, _knowing(launches[step], known)))
            continue
        if segment:
            yield Segment(tuple(segment))
            segment = []
        if isinstance(step, Branch):
            then, otherwise = (_parts(each, launches, known) for each in (step.then, step.otherwise))
            yield IfNode(step.condition, then, otherwise)
        elif is_unrolled(step):
            for iteration in range(step.bound or 0):
                place = BoundBuffer(
                    step.counter.name, ITERATIONS, 0, COUNTER_BYTES * iteration, COUNTER_BYTES
                )
                yield from _parts(step.body, launches, {**known, step.counter.name: place})
        else:
            yield WhileNode(step, _parts(step.body, launches, known))
    if segment:
        yield Segment(tuple(segment))


def _knowing(launch: BoundLaunch, known: Mapping[str, BoundBuffer]) -> BoundLaunch:
    """LAUNCH with the counters of unrolled loops replaced by table entries of KNOWN iterations."""
    if not any(isinstance(each, BoundBuffer) and each.name in known for each in launch.arguments):
        return launch

    def place(argument: BoundArgument) -> BoundArgument:
        return known.get(argument.name, argument) if isinstance(argument, BoundBuffer) else argument

    return replace(launch, arguments=tuple(map(place, launch.arguments)))
