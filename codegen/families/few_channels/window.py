"""A line of a window over pixels in shared memory, in chunks of 16 bytes.

Pixels lie one behind another, with their channels side by side and zeros up to a power of two. Where the step
from an output to its neighbour is a whole number of chunks, the chunks of an output's window overlap those of
the next: instructions that read rows of chunks find the implicit matrix without a copy for each tap. Bytes
are so short that neighbours may begin within the same chunk: then every second output is read from a copy
that begins half a chunk later.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..contraction.axes import Window
from ..contraction.problem import COPY_BYTES

MOST_PHASES = 2  # copies of bytes; floats need all pixels of a window in one place, to be multiplied slowly
FARTHEST = 3  # chunks from an output to its neighbour, beyond which rows would meet in the same banks


@dataclass(frozen=True)
class LineOfTaps:
    """A line of a window: `chunks` chunks of `pixels` pixels of `channels` elements each.

    The first tap is pixel `lead`, and taps lie `dilation` pixels apart. From one output to the next that is
    read from the same of `phases` copies there are `step` chunks.
    """

    taps: int
    dilation: int
    lead: int
    channels: int
    pixels: int
    chunks: int
    step: int
    phases: int = 1

    @property
    def unit(self) -> int:
        """The pixels from copy to copy, which are brought together."""
        return self.pixels // self.phases

    def tap(self, pixel: int) -> int | None:
        """The tap at PIXEL; None for a pixel that the line skips."""
        tap, rest = divmod(pixel - self.lead, self.dilation)
        return tap if rest == 0 and 0 <= tap < self.taps else None

    @property
    def skips(self) -> bool:
        """Whether some of its pixels belong to no tap."""
        return self.taps < self.chunks * self.pixels


def line_of_taps(window: Window, channels: int, element_bytes: int) -> LineOfTaps | None:
    """The line of WINDOW over pixels of CHANNELS elements of ELEMENT_BYTES; None where outputs do not begin
    at whole chunks.

    Copies of bytes are worth their time where they leave a line with several chunks.
    """
    copied = _line(window, channels, element_bytes, MOST_PHASES) if element_bytes == 1 else None
    if copied is not None and copied.chunks > 1:
        return copied
    return _line(window, channels, element_bytes, 1)


def _line(window: Window, channels: int, element_bytes: int, most: int) -> LineOfTaps | None:
    """That line, of MOST copies or none.

    It leads with as many pixels as let what is brought together begin at multiples of its pixels in the
    image, too.
    """
    padded = 1
    while padded < channels or padded * element_bytes * window.stride * most % COPY_BYTES:
        padded *= 2
    pixel = padded * element_bytes
    phases = 1 if window.stride * pixel % COPY_BYTES == 0 else most
    step = window.stride * pixel * phases // COPY_BYTES
    if pixel > COPY_BYTES or step > FARTHEST:
        return None
    pixels = COPY_BYTES // pixel
    span = (window.taps - 1) * window.dilation + 1
    lead = -window.pad % (pixels // phases)
    return LineOfTaps(
        taps=window.taps,
        dilation=window.dilation,
        lead=lead,
        channels=padded,
        pixels=pixels,
        chunks=-(-(lead + span) // pixels),
        step=step,
        phases=phases,
    )
