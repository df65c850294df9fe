"""The expected time of kernels over strips, and the configurations that are worth trying.

Three things bound such a kernel: memory bandwidth, the instructions that its threads issue, and the latency
of the lines that a thread loads one after another, of which only some are in flight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from ....dialects.core.affine import Dim
from ...arch.spec import ArchSpec
from .axes import NO_WINDOW
from .strips import StripConfig, Windows

PIXELS, ROWS = (1, 2, 4, 7), (1, 2, 4, 7, 8, 14)  # of a thread
THREADS = (64, 128, 256)  # of a block
AHEAD = (1, 2)
LEAST_BYTES = 32  # of adjacent channels of a block: a sector of memory
FEW_BYTES = 96  # of them that lose little


@dataclass(frozen=True)
class StripWork:
    """What a thread does under a configuration.

    registers: an estimate. element: instructions per loaded vector; output: instructions per output position.
    in_bytes, out_bytes: of a channel of an input and of an output position.
    """

    registers: int
    element: float
    output: float
    in_bytes: int
    out_bytes: int


@dataclass(frozen=True)
class StripPrice:
    """A configuration with its expected time; `instructions` is about as long as its code is, `registers`
    are those of a thread."""

    config: StripConfig
    microseconds: float
    instructions: float
    registers: int


Evaluated = Callable[[Dim], int]  # a size at the symbols' optimal sizes


def positions(windows: Windows, config: StripConfig) -> tuple[int, int]:
    """Lines of the input that a thread goes through, and columns of each."""
    _, y, x = windows.axes
    spans = ((y.window or NO_WINDOW, config.rows), (x.window or NO_WINDOW, config.pixels))
    lines, columns = ((outputs - 1) * window.stride + window.taps for window, outputs in spans)
    return lines, columns


def configs(
    windows: Windows, widest: int, in_bytes: int, at: Evaluated, threads: Sequence[int] = THREADS
) -> Iterator[StripConfig]:
    """The configurations worth pricing, of at most WIDEST channels a thread, and THREADS a block.

    A channel of the input has IN_BYTES bytes; AT gives sizes at the optimum.
    """
    _, y, x = windows.axes
    rows = [count for count in ROWS if count == 1 or (windows.slides and count <= at(y.extent))]
    dense = (x.window or NO_WINDOW).dilation == 1
    pixels = [count for count in PIXELS if count == 1 or (dense and count <= at(x.extent))]
    for vector in filter(None, (widest, widest // 2, widest // 4)):
        for block in threads:
            lanes = sorted(_lanes(-(-at(windows.channels) // vector), vector * in_bytes, block))
            for own, ahead, high, wide in product(lanes, AHEAD, rows, pixels):
                yield StripConfig(vector, wide, high, ahead, own * vector, block)


def _lanes(vectors: int, bytes: int, threads: int) -> set[int]:
    """The threads along the channels that are worth pricing: the most, and the fewest that lose little.

    Of at most THREADS; all channels are VECTORS of BYTES. Few threads of a block are left without a strip.
    """
    whole = [count for count in range(1, min(vectors, threads) + 1) if vectors % count == 0]
    wide = [count for count in whole if count * bytes >= LEAST_BYTES] or whole[-1:]
    busy = [count for count in wide if threads // count * count >= 0.8 * threads] or wide
    return {next((count for count in busy if count * bytes >= FEW_BYTES), busy[-1]), busy[-1]}


def ranked(prices: Iterable[StripPrice], target: ArchSpec, most: int) -> list[StripPrice]:
    """MOST of PRICES, the fastest first; of those whose times are alike, and are given as equal then, the
    one with the least code: it compiles fastest, and other layers often have it, too."""
    found, alike = list(prices), target.fitted.strips.alike
    least = min((each.microseconds for each in found), default=0.0)

    def step(each: StripPrice) -> int:
        return int((each.microseconds / least - 1) / alike)

    found.sort(key=lambda each: (step(each), each.instructions, each.registers))
    return [replace(each, microseconds=least * (1 + step(each) * alike)) for each in found[:most]]


def priced(
    windows: Windows, config: StripConfig, work: StripWork, target: ArchSpec, at: Evaluated
) -> StripPrice:
    """The price of a kernel over WINDOWS under CONFIG, whose threads do WORK."""
    fit, limits = target.fitted.strips, target.limits
    lines, columns = positions(windows, config)
    blocks, strips = at(windows.blocks(config)), at(windows.strips(config))
    channels = at(windows.channels)
    resident = max(1, limits.resident(config.threads, 0, work.registers))
    outputs = config.rows * config.pixels
    vectors = strips * channels / config.vector
    instructions = lines * columns * work.element + outputs * work.output
    issued = fit.thread + instructions
    issue = vectors / 32 * issued / (target.multiprocessors * limits.schedulers * target.clock) * fit.issue
    _, y, x = windows.axes
    dense = (y.window or NO_WINDOW).stride * (x.window or NO_WINDOW).stride
    moved = strips * channels * outputs * (dense * work.in_bytes + work.out_bytes)
    narrow = 1 + fit.narrow / (config.channels * work.in_bytes)
    memory = moved / target.bytes_per_second * 1e6 * fit.memory * narrow
    waves = max(1.0, blocks / (resident * target.multiprocessors))
    latency = waves * (fit.start + lines / config.ahead * fit.line)
    bounds = (issue, memory, latency)
    known = fit.launch + issued * fit.code
    time = float(known + sum(bound**fit.norm for bound in bounds) ** (1 / fit.norm))
    return StripPrice(config, time, instructions, work.registers)
