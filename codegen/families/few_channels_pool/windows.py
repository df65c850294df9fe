"""The windows of a warp's outputs in registers, as it goes through the units of a band from right to left.

Rows of a fragment are eight outputs below each other; its upper half are those of a unit's first cell, the
lower half those of the second. The windows of both share chunks, and so do those of neighbouring units:
what the unit on the left has in common stays in registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..contraction.problem import COPY_BYTES
from ..few_channels.config import Patch
from ..few_channels.problem import Image
from ..few_channels.steps import LoadSpec, StepSpec, loads_of
from ..few_channels.window import LineOfTaps

LOADED = 4  # matrices of a load
# Thousands of configurations of a convolution share their windows, of which there are some for each patch.
KEPT = 1024


@dataclass(frozen=True)
class UnitWindow:
    """What the windows of units depend on in an image: `lines` lines of taps, `dilation` lines apart."""

    lines: int
    dilation: int
    line: LineOfTaps

    @property
    def chunks(self) -> list[tuple[int, int]]:
        """The chunks, each as its line and its place in that."""
        return [(line, chunk) for line in range(self.lines) for chunk in range(self.line.chunks)]

    @property
    def step(self) -> int:
        """Chunks from the windows of a unit to those of the next."""
        return 2 * self.line.step // self.line.phases

    @property
    def behind(self) -> int:
        """Chunks from the windows of a unit's first cell to those of its second."""
        return self.line.step if self.line.phases == 1 else 0


@dataclass(frozen=True, order=True)
class WindowPlace:
    """A chunk of the windows: chunk `chunk` of line `line` of the copy `copy` of the patch."""

    line: int
    copy: int
    chunk: int


@dataclass(frozen=True)
class MoveSpec:
    """The matrix `to` is, for the next unit, what `source` is for this one."""

    to: int
    source: int


@dataclass(frozen=True)
class WalkSpec:
    """Windows for templates: `loads` of four matrices each bring the first unit's, the first `fresh` of them
    with `moves` before them those of the next. patterns: the distances in loads; step: bytes from a unit to
    the next; behind: chunks from the windows of its first cell to those of the second."""

    steps: tuple[StepSpec, ...]
    loads: tuple[LoadSpec, ...]
    patterns: tuple[tuple[int, ...], ...]
    fresh: int
    moves: tuple[MoveSpec, ...]
    step: int
    behind: int


def window_of(image: Image) -> UnitWindow:
    """The windows of units of IMAGE."""
    return UnitWindow(image.lines, image.height.window.dilation, image.line)


def places_of(image: Image, patch: Patch, keeps: bool) -> tuple[WindowPlace, ...]:
    """The chunks of the windows of a unit, those of a load side by side where that is possible; if a warp
    KEEPS them, first those that the unit does not share with the one on its right."""
    return _places(window_of(image), patch, keeps)


def walk_of(image: Image, patch: Patch, keeps: bool) -> WalkSpec:
    """The windows of units of IMAGE in PATCH."""
    return _walk(window_of(image), patch, keeps)


def _place(window: UnitWindow, patch: Patch, chunk: tuple[int, int], half: int) -> WindowPlace:
    """Where CHUNK, the line and the chunk in it, of the windows of cell HALF of a unit lies."""
    row, plane = divmod(chunk[0] * window.dilation, patch.planes)
    copy = half if window.line.phases > 1 else 0
    return WindowPlace(plane * patch.plane_lines + row, copy, chunk[1] + half * window.behind)


@lru_cache(maxsize=KEPT)
def _places(window: UnitWindow, patch: Patch, keeps: bool) -> tuple[WindowPlace, ...]:
    found = {_place(window, patch, chunk, half) for chunk in window.chunks for half in (0, 1)}
    if keeps:
        return tuple(sorted(found, key=lambda place: (_source(place, window) in found, place)))
    return tuple(sorted(found, key=lambda place: (place.chunk // LOADED, place)))


def _source(place: WindowPlace, window: UnitWindow) -> WindowPlace:
    """What PLACE of the unit on the left is for this one."""
    return WindowPlace(place.line, place.copy, place.chunk - window.step)


@lru_cache(maxsize=KEPT)
def _walk(window: UnitWindow, patch: Patch, keeps: bool) -> WalkSpec:
    places = _places(window, patch, keeps)
    order = {place: index for index, place in enumerate(places)}
    chunks = window.chunks
    if len(chunks) % 2:
        chunks.insert(-1, chunks[0])
    steps = []
    for pair in zip(chunks[::2], chunks[1::2], strict=True):
        a, b, c, d = (order[_place(window, patch, chunk, half)] for chunk in pair for half in (0, 1))
        steps.append(StepSpec((a, b, c, d)))
    loads, patterns = loads_of(tuple(_bytes(place, patch) for place in places))
    found = set(places)
    new = sum(_source(place, window) not in found for place in places)
    fresh = -(-new // LOADED) if keeps else len(loads)
    # From right to left, so that what a matrix is for this unit is read before it becomes the next unit's.
    kept = sorted(places[fresh * LOADED :], key=lambda place: -place.chunk)
    moves = tuple(MoveSpec(order[place], order[_source(place, window)]) for place in kept)
    return WalkSpec(tuple(steps), loads, patterns, fresh, moves, window.step * COPY_BYTES, window.behind)


def _bytes(place: WindowPlace, patch: Patch) -> int:
    return place.copy * patch.copy_bytes + place.line * patch.pitch + place.chunk * COPY_BYTES
