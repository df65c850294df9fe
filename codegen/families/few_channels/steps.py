"""The instructions of a tile along k, and the loads that bring windows to registers for them.

A warp has outputs of two neighbouring lines. A matrix is what ldmatrix loads: a chunk of the windows of eight
outputs, neighbours along the width or every second one of those below each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..contraction.problem import COPY_BYTES
from .config import Patch
from .problem import Image


@dataclass(frozen=True)
class LoadSpec:
    """A load of four matrices of eight rows by 16 bytes, the first of them `first` bytes behind a tile's
    first row; `pattern` says where the others are."""

    first: int
    pattern: int


@dataclass(frozen=True)
class StepSpec:
    """One instruction along k: which of the matrices its fragment is made of, in the order of its words."""

    matrices: tuple[int, int, int, int]


def steps_of(image: Image, patch: Patch) -> tuple[tuple[StepSpec, ...], tuple[int, ...]]:
    """The instructions, and where their matrices lie in PATCH, in bytes from the first row of a tile.

    They take chunks of the window in pairs; an odd one comes last, behind the first of all, whose weights are
    zeros there. Rows 8 to 15 of a fragment are outputs of the next line.
    """
    window = image.height.window
    chunks = [(line, chunk) for line in range(image.lines) for chunk in range(image.line.chunks)]
    if len(chunks) % 2:
        chunks.insert(-1, chunks[0])

    def place(chunk: tuple[int, int], below: int) -> tuple[int, int]:
        return chunk[0] * window.dilation + below * window.stride, chunk[1]

    words = [
        tuple(place(chunk, below) for chunk in pair for below in (0, 1))
        for pair in zip(chunks[::2], chunks[1::2], strict=True)
    ]
    places = sorted({at for step in words for at in step})
    order = {at: index for index, at in enumerate(places)}
    steps = [StepSpec((order[a], order[b], order[c], order[d])) for a, b, c, d in words]
    return tuple(steps), tuple(patch.line_at(line) + chunk * COPY_BYTES for line, chunk in places)


def loads_of(places: tuple[int, ...]) -> tuple[tuple[LoadSpec, ...], tuple[tuple[int, ...], ...]]:
    """Loads of four of PLACES each, the last one of some again, and the patterns of the distances in them."""
    filled = places + places[-1:] * (-len(places) % 4)
    patterns: dict[tuple[int, ...], int] = {}
    loads = []
    for group in zip(*(filled[start::4] for start in range(4)), strict=True):
        apart = tuple(at - group[0] for at in group[1:])
        loads.append(LoadSpec(group[0], patterns.setdefault(apart, len(patterns))))
    return tuple(loads), tuple(patterns)
