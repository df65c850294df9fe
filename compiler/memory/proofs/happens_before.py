"""Happens-before between launches, from the order within streams and from event waits."""

from __future__ import annotations

from collections.abc import Sequence

from ....dialects.core.diagnostics import op_error
from ....dialects.core.parts import AttributeAt
from ....dialects.launch import Kernel


class HappensBefore:
    """A vector clock per launch; time and space are launches times streams.

    Raises IRError for a wait for a later launch, for one that is given twice, and for a negative stream.
    """

    def __init__(self, kernels: Sequence[Kernel]) -> None:
        self._streams: list[int] = [kernel.stream for kernel in kernels]
        self._clocks: list[dict[int, int]] = []
        latest: dict[int, int] = {}
        for index, kernel in enumerate(kernels):
            if kernel.stream < 0:
                raise op_error(
                    kernel, f"runs on stream {kernel.stream}; streams count from 0", at=AttributeAt("stream")
                )
            if len(set(kernel.waits)) < len(kernel.waits):
                twice = next(wait for wait in kernel.waits if kernel.waits.count(wait) > 1)
                raise op_error(kernel, f"waits for launch {twice} twice", at=AttributeAt("waits"))
            clock: dict[int, int] = {}
            if kernel.stream in latest:
                self._join(clock, latest[kernel.stream])
            for wait in kernel.waits:
                if not 0 <= wait < index:
                    hint = "a launch can wait only for launches before it"
                    raise op_error(
                        kernel,
                        f"is launch {index} and waits for launch {wait}",
                        hint,
                        at=AttributeAt("waits"),
                    )
                self._join(clock, wait)
            self._clocks.append(clock)
            latest[kernel.stream] = index

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
