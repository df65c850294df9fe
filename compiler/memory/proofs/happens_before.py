"""Happens-before between launches, from the order within streams, event waits and control flow.

A branch or loop begins when all earlier launches have ended, and ends before any later launch begins; so does
each iteration of a loop.
"""

from __future__ import annotations

from ....dialects.core.diagnostics import op_error
from ....dialects.core.parts import AttributeAt
from ....dialects.launch import Kernel
from ..launch_tree import LaunchTree


class HappensBefore:
    """A vector clock per launch; time and space are launches times streams.

    Raises IRError for a wait for a later launch, across control flow, or given twice, and for a negative
    stream.
    """

    def __init__(self, tree: LaunchTree) -> None:
        self._streams: list[int] = [kernel.stream for kernel in tree.kernels]
        self._clocks: list[dict[int, int]] = []
        ended: dict[int, int] = {}  # by stream: the last launch before the segment
        for segment in filter(None, tree.segments):
            latest: dict[int, int] = {}
            for index in segment:
                kernel = tree.kernels[index]
                self._clocks.append(self._clock(kernel, index, segment[0], latest, ended))
                latest[kernel.stream] = index
            ended |= latest

    def _clock(
        self, kernel: Kernel, index: int, begin: int, latest: dict[int, int], ended: dict[int, int]
    ) -> dict[int, int]:
        """The clock of KERNEL, launch INDEX of a segment that starts at BEGIN."""
        if kernel.stream < 0:
            raise op_error(
                kernel, f"runs on stream {kernel.stream}; streams count from 0", at=AttributeAt("stream")
            )
        if len(set(kernel.waits)) < len(kernel.waits):
            twice = next(wait for wait in kernel.waits if kernel.waits.count(wait) > 1)
            raise op_error(kernel, f"waits for launch {twice} twice", at=AttributeAt("waits"))
        clock = dict(ended)
        if kernel.stream in latest:
            self._join(clock, latest[kernel.stream])
        for wait in kernel.waits:
            if not begin <= wait < index:
                hint = "a launch can wait only for launches before it"
                hint += "; no branch or loop may stand between them" if 0 <= wait < index else ""
                text = f"is launch {index} and waits for launch {wait}"
                raise op_error(kernel, text, hint, at=AttributeAt("waits"))
            self._join(clock, wait)
        return clock

    def _join(self, clock: dict[int, int], launch: int) -> None:
        """Advance CLOCK past LAUNCH and everything that happens before it."""
        for stream, index in self._clocks[launch].items():
            clock[stream] = max(clock.get(stream, -1), index)
        own = self._streams[launch]
        clock[own] = max(clock.get(own, -1), launch)

    def before(self, first: int, second: int) -> bool:
        """True when launch FIRST has ended, and its writes are visible, when launch SECOND starts."""
        return first <= self._clocks[second].get(self._streams[first], -1)

    def stream(self, launch: int) -> int:
        return self._streams[launch]
