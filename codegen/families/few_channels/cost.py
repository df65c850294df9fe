"""The cost model of convolutions of few channels.

Blocks of a multiprocessor overlap each other: while one waits for its patch, another multiplies. A run takes
the longer of what it asks of the multiprocessor's units and its own latency, shared among the blocks.
"""

from __future__ import annotations

from ....dialects.core.affine import ceildiv
from ...arch.fitted import FewChannelsFit
from ...arch.spec import ArchSpec
from ..contraction.problem import COPY_BYTES
from .config import SIDE, FewChannelsConfig, patch_of, runs_of, weight_bytes
from .problem import STEP_BYTES, Image
from .product import WindowProduct

NORM = 4.0  # order of the norm over units, which overlap well
ROWS = SIDE * SIDE  # of a tile
MATRIX_ROWS, MATRIX_BYTES = 8, 128  # of one that ldmatrix loads


def microseconds(image: Image, config: FewChannelsConfig, product: WindowProduct, target: ArchSpec) -> float:
    """Expected microseconds at the optimal sizes."""
    fit, at = target.fitted.few_channels, image.problem.at_optimum
    runs = at(runs_of(image, config)) * at(ceildiv(image.problem.n, config.block_n))
    resident = min(config.resident, -(-runs // target.multiprocessors))
    rounds = -(-runs // (target.multiprocessors * resident))
    units = resident * _units(image, config, product, target, fit)
    start = fit.start + fit.weights * weight_bytes(image, config) / COPY_BYTES / config.threads
    cycles = start + rounds * max(units, _latency(image, config, product, target, fit))
    memory = _moved_bytes(image) / target.bytes_per_second * 1e6
    return fit.launch + norm(cycles / target.clock, memory)


def _multiply(image: Image, config: FewChannelsConfig, product: WindowProduct, target: ArchSpec) -> float:
    """Cycles of the tensor cores, or of shared memory, for one tile."""
    flops = 2.0 * ROWS * config.block_n * STEP_BYTES / image.problem.a.bytes
    read = image.matrices * MATRIX_BYTES * ROWS / MATRIX_ROWS / 2
    read += image.steps * config.block_n * product.weights_read * STEP_BYTES
    tensor = image.steps * flops / (product.rate(target.fitted.throughput) * 2 / image.problem.a.bytes)
    return max(tensor, read / target.fitted.throughput.shared_bandwidth)


def _units(
    image: Image, config: FewChannelsConfig, product: WindowProduct, target: ArchSpec, fit: FewChannelsFit
) -> float:
    """Cycles of a multiprocessor for one run: its instructions beside its products."""
    patch = patch_of(image, config)
    multiply = config.tiles * _multiply(image, config, product, target)
    bring = patch.lines * patch.units * (fit.chunk + fit.element * image.channels * image.line.unit)
    finish = config.tiles * ROWS * config.block_n * fit.finish
    return norm(multiply, bring + finish)


def _latency(
    image: Image, config: FewChannelsConfig, product: WindowProduct, target: ArchSpec, fit: FewChannelsFit
) -> float:
    """Cycles from the start of a run to its end, if it had the multiprocessor to itself."""
    patch = patch_of(image, config)
    trips = -(-patch.lines * patch.units // config.threads)
    own = config.tiles // config.groups * (_multiply(image, config, product, target) + fit.tile)
    return fit.load * (1 + trips / 8) + own


def _moved_bytes(image: Image) -> float:
    """Traffic to and from memory, with results of two bytes."""
    problem = image.problem
    at = problem.at_optimum
    read = at(image.images) * at(image.height.size) * at(image.width.size) * image.channels
    return float(read * problem.a_stored.bytes + at(problem.m) * at(problem.n) * 2)


def norm(*values: float) -> float:
    """The time that units take which overlap well, of VALUES alone."""
    return float(sum(value**NORM for value in values) ** (1 / NORM))
