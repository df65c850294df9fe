"""The cost model of convolutions of few channels with a pool.

Blocks of a multiprocessor overlap each other, as in convolutions alone; a block takes its bands one after the
other, each as long as the longer of what it asks of the multiprocessor's units and its own latency.
"""

from __future__ import annotations

from ....dialects.core.affine import ceildiv
from ...arch.fitted import FewChannelsFit
from ...arch.spec import ArchSpec
from ..contraction.problem import COPY_BYTES
from ..few_channels.config import weight_bytes
from ..few_channels.cost import MATRIX_BYTES, ROWS, norm
from ..few_channels.problem import STEP_BYTES
from ..few_channels.product import WindowProduct
from .config import ROWS as UNITS
from .config import WARPS, PoolConfig, pooled_patch, runs_of
from .problem import STRIDE, PooledImage


def microseconds(pooled: PooledImage, config: PoolConfig, product: WindowProduct, target: ArchSpec) -> float:
    """Expected microseconds at the optimal sizes."""
    fit, at, image = target.fitted.few_channels, pooled.image.problem.at_optimum, pooled.image
    runs = at(runs_of(pooled, config)) * at(ceildiv(image.problem.n, config.block_n))
    resident = min(config.resident, -(-runs // target.multiprocessors))
    rounds = -(-runs // (target.multiprocessors * resident))
    bands = min(config.bands, -(-at(pooled.height.units) // UNITS))
    units = resident * _units(pooled, config, product, target, fit)
    start = fit.start + fit.weights * weight_bytes(image, config.tiles) / COPY_BYTES / config.threads
    cycles = start + rounds * bands * max(units, _latency(pooled, config, product, target, fit))
    memory = _moved_bytes(pooled) / target.bytes_per_second * 1e6
    return fit.launch + norm(cycles / target.clock, memory)


def _multiply(pooled: PooledImage, config: PoolConfig, product: WindowProduct, target: ArchSpec) -> float:
    """Cycles of the tensor cores, or of shared memory, for a tile: a column of the units of four warps."""
    image, rates = pooled.image, target.fitted.throughput
    flops = 2.0 * ROWS * config.block_n * STEP_BYTES / image.problem.a.bytes
    read = float(WARPS * image.matrices * MATRIX_BYTES)
    read += image.steps * config.block_n * product.weights_read * STEP_BYTES
    read += ROWS * config.block_n * target.fitted.few_channels.passed
    tensor = image.steps * flops / (product.rate(rates) * 2 / image.problem.a.bytes)
    return max(tensor, read / rates.shared_bandwidth)


def _units(
    pooled: PooledImage, config: PoolConfig, product: WindowProduct, target: ArchSpec, fit: FewChannelsFit
) -> float:
    """Cycles of a multiprocessor for one band: its instructions beside its products."""
    image, patch = pooled.image, pooled_patch(pooled, config)
    tiles = config.groups * _columns(pooled, config)
    multiply = tiles * _multiply(pooled, config, product, target)
    bring = patch.lines * patch.units * (fit.chunk + fit.element * image.channels * image.line.unit)
    return norm(multiply, bring + tiles * ROWS * config.block_n * fit.maximum)


def _latency(
    pooled: PooledImage, config: PoolConfig, product: WindowProduct, target: ArchSpec, fit: FewChannelsFit
) -> float:
    """Cycles of one band, if it had the multiprocessor to itself."""
    patch = pooled_patch(pooled, config)
    trips = -(-patch.lines * patch.units // config.threads)
    own = _columns(pooled, config) * (_multiply(pooled, config, product, target) + fit.tile)
    return fit.load * (1 + trips / 8) + own


def _columns(pooled: PooledImage, config: PoolConfig) -> int:
    """Columns that a warp multiplies in a band: its units', and the last one of the warp before it."""
    return STRIDE * config.units + int(pooled.width.reaches_back)


def _moved_bytes(pooled: PooledImage) -> float:
    """Traffic to and from memory."""
    image, at = pooled.image, pooled.image.problem.at_optimum
    read = at(image.images) * at(image.height.size) * at(image.width.size) * image.channels
    written = at(image.images) * at(pooled.height.out) * at(pooled.width.out) * at(image.problem.n)
    return float(read * image.problem.a_stored.bytes + written * image.problem.result_bytes)
