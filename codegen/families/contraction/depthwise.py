"""Depthwise convolution (one channel per group, channels last), by strips; bound by memory bandwidth.

The products of floats are exact in f32 and fused with its sums. Bytes are multiplied four at a time, along a
line of the window, once those of four columns stand in one word for each channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from ....dialects.core.affine import Dim
from ....dialects.core.dtypes import F32, I8, I32, U8
from ...arch.spec import ArchSpec
from ...request.request import Geometry
from ..divisors import divisor, power_of_two_in
from .axes import NO_WINDOW, Window
from .problem import Problem
from .strip_cost import THREADS, StripPrice, StripWork, configs, positions, priced, ranked
from .strips import StripConfig, Windows

TEMPLATE = "kernels/depthwise_conv.cu.j2"
BYTES = (I8, U8)
MOST_LANES = 16  # channels of a thread: one access of bytes
MOST_HELD = 80  # registers of a thread that hold weights; more weights are read where they are used
# What the code of a thread may need by the estimate below: kernels that spilled were estimated at 225 and
# more (NVRTC 13.5, sm_90a). And its multiply-adds: with 1000 a kernel takes a third of a second to compile,
# and with 600 it loses up to a tenth. Weights that are not held are loaded early; with 800 products of bytes
# that spills.
MOST_REGISTERS, MOST_PRODUCTS, MOST_UNHELD = 180, 1200, 400


def unsupported(problem: Problem) -> str | None:
    """Why PROBLEM is not a depthwise convolution; None when it is."""
    if problem.op != "conv" or problem.n != 1 or problem.channels != 1 or len(problem.batch) != 1:
        return "not a convolution with one input and one output channel per group"
    if problem.batch[0].a_step != 1:
        return "the channels are not innermost"
    if problem.accumulate.bits < 32:
        return f"accumulators of {problem.accumulate} are too narrow"
    if problem.taps > 256:
        return "the window is too large for shared memory"
    return None


def widest(problem: Problem, out_bytes: int) -> int:
    """Channels that one thread loads and stores as one vector; an output element has OUT_BYTES bytes."""
    steps: list[Dim] = [problem.batches, problem.a_offset]
    steps += [axis.step for axis in problem.rows]
    return power_of_two_in(divisor(*steps), min(16 // min(problem.a.bytes, out_bytes), MOST_LANES))


def windows_of(problem: Problem) -> Windows:
    """The windows of PROBLEM and its channels."""
    return Windows(problem.rows, problem.batches, problem.a_offset)


def candidates(
    problem: Problem,
    target: ArchSpec,
    out_bytes: int = 2,
    most: int = 12,
    threads: Sequence[int] = THREADS,
) -> list[StripPrice]:
    """Up to MOST legal configurations of PROBLEM with blocks of THREADS, the fastest first.

    An output element has OUT_BYTES bytes.
    """
    windows, at = windows_of(problem), problem.at_optimum
    works: dict[tuple[int, ...], StripWork | None] = {}  # None where no block is legal
    found = []
    for config in configs(windows, widest(problem, out_bytes), problem.a.bytes, at, threads):
        if config.thread not in works:
            fits = _too_much(problem, config) is None
            works[config.thread] = work(problem, config, out_bytes) if fits else None
        own = works[config.thread]
        if own is not None and _misplaced(problem, windows, config, target) is None:
            found.append(priced(windows, config, own, target, at))
    return ranked(found, target, most)


def illegal(problem: Problem, config: StripConfig, target: ArchSpec) -> str | None:
    """Why CONFIG cannot run PROBLEM on TARGET; None when it can."""
    return _misplaced(problem, windows_of(problem), config, target) or _too_much(problem, config)


def _misplaced(problem: Problem, windows: Windows, config: StripConfig, target: ArchSpec) -> str | None:
    """Why blocks of CONFIG cannot run PROBLEM, which has WINDOWS, whatever a thread holds."""
    if shared_bytes(problem, config) > target.shared_bytes:
        return "not enough shared memory"
    return windows.misfit(config)


def _too_much(problem: Problem, config: StripConfig) -> str | None:
    """Why a thread of CONFIG cannot hold what it needs; None when it can."""
    held = held_weights(problem, config) > 0
    if config.rows > 1 and not held:
        return "the weights of several lines of outputs take too many registers"
    alone = config.rows == config.pixels == config.vector == 1
    products = config.rows * config.pixels * config.vector * problem.taps
    if not alone and (
        products > (MOST_PRODUCTS if held else MOST_UNHELD) or registers(problem, config) > MOST_REGISTERS
    ):
        return "too many outputs per thread for its registers"
    return None


def dots(problem: Problem, vector: int) -> bool:
    """Whether four products are summed at once: of bytes, in whole words of channels, along dense lines."""
    inner = _inner(problem)
    bytes_alone = problem.a in BYTES and problem.b in BYTES and problem.accumulate == I32
    return bytes_alone and vector % 4 == 0 and inner.dilation == 1 and inner.taps > 1


def shifts(problem: Problem, config: StripConfig) -> int:
    """Places that the first tap of a line may have in a word that starts at an even column."""
    return 1 if _inner(problem).stride % 2 == 0 or config.pixels == 1 else 2


def quads(problem: Problem, config: StripConfig) -> int:
    """Words of four columns that the taps of a line reach into."""
    return ceil((_inner(problem).taps + shifts(problem, config) - 1) / 4)


def words(problem: Problem, config: StripConfig) -> int:
    """Staged weights of a channel: a tap each, or four of a line where products are summed by `dots`."""
    if not dots(problem, config.vector):
        return problem.taps
    lines = problem.taps // _inner(problem).taps
    return lines * shifts(problem, config) * quads(problem, config)


def held_weights(problem: Problem, config: StripConfig) -> int:
    """Weights of a channel that a thread keeps in registers; 0 where they would be too many."""
    count = words(problem, config)
    return count if count * config.vector * problem.accumulate.bytes // 4 <= MOST_HELD else 0


def columns_held(problem: Problem, config: StripConfig) -> int:
    """Columns of a line that a thread keeps: whole words of them where products are summed by `dots`."""
    _, columns = positions(windows_of(problem), config)
    if not dots(problem, config.vector):
        return columns
    return ((config.pixels - 1) * _inner(problem).stride // 2 + 2 * quads(problem, config)) * 2


def shared_bytes(problem: Problem, config: StripConfig) -> int:
    """Shared memory of a block: its weights."""
    return config.channels * words(problem, config) * problem.accumulate.bytes


def launch(problem: Problem, config: StripConfig) -> Geometry:
    """The launch geometry of PROBLEM under CONFIG."""
    blocks = windows_of(problem).blocks(config)
    return Geometry((blocks, 1, 1), (config.threads, 1, 1), shared_bytes(problem, config))


def registers(problem: Problem, config: StripConfig) -> int:
    """About as many registers as a thread takes: of sums, of weights, of loaded lines, and of addresses."""
    windows = windows_of(problem)
    line = windows.axes[1].window or NO_WINDOW
    lines, _ = positions(windows, config)
    rows = min(config.rows, ceil(line.taps / line.stride)) if windows.slides else config.rows
    wide = problem.accumulate.bytes // 4
    sums = config.vector * config.pixels * rows * wide
    weights = held_weights(problem, config) * config.vector * wide
    loaded = max(1.0, config.vector * problem.a.bytes / 4) * columns_held(problem, config)
    return int(22 + 0.84 * sums + weights + 1.1 * loaded * (min(config.ahead, lines - 1) + 1))


def work(problem: Problem, config: StripConfig, out_bytes: int) -> StripWork:
    """What a thread does under CONFIG, in instructions."""
    vector = config.vector
    converted = 0 if problem.a in (F32, problem.accumulate) else vector
    products = problem.taps
    if dots(problem, vector):
        converted, products = vector, words(problem, config) // shifts(problem, config)
    return StripWork(
        registers(problem, config),
        element=3 + converted,
        output=3 + vector * (products + (10 if out_bytes == 1 else 4)),
        in_bytes=problem.a.bytes,
        out_bytes=out_bytes,
    )


def _inner(problem: Problem) -> Window:
    return problem.rows[-1].window or NO_WINDOW
