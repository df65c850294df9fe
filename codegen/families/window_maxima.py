"""Maxima of windows, channels last, by strips; bound by memory bandwidth.

A line's maxima are found once, and serve every output line whose window has that line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from ...dialects.core.affine import Dim
from ...dialects.core.affine_traversal import evaluate
from ...dialects.graph.pool import MaxPool
from ..emit.emitter import Emitter, Given
from ..emit.lanes import Lanes
from ..emit.packed import PACKED, WORDS
from ..emit.sections import Section
from ..emit.spaces import make_space
from ..emit.stores import store
from ..request.describe import title
from ..request.request import Candidate, Config, Geometry, KernelCode, Request
from ..request.signature import Signature, make_signature
from ..text.literals import c_type, lowest
from ..text.render import Code, Identifier
from .contraction.axes import NO_WINDOW, RowAxis, Window
from .contraction.strip_cost import THREADS, StripWork, configs, positions, priced, ranked
from .contraction.strips import StripConfig, StripsSpec, Windows, strips_spec
from .divisors import divisor, power_of_two_in
from .kernel_family import ConfiguredFamily, Rank

TEMPLATE = "kernels/window_maxima.cu.j2"
MOST_TAPS = 8  # of a window, along each axis
MOST_CANDIDATES, MOST_REGISTERS = 12, 160
SPATIAL = ("z", "y", "x")  # labels of the spatial axes, the innermost last


@dataclass(frozen=True)
class WindowMaximaSpec:
    """The spec of a kernel of maxima for its template: `lowest` is what is beyond the edges of the input."""

    name: Identifier
    title: Code
    parameters: Code
    strips: StripsSpec
    lowest: Code
    epilogue: Code


@dataclass(frozen=True, kw_only=True)
class WindowMaximaFamily(ConfiguredFamily[StripConfig]):
    """Maxima over windows of halves or bytes whose channels are innermost in memory."""

    name: str = "window_maxima"
    rank: Rank = Rank.SPECIAL_CASE
    groupable: bool = True
    config_type: Callable[..., StripConfig] = StripConfig

    def candidates(self, request: Request) -> list[Candidate]:
        return self._priced(request, THREADS)

    def resized(self, request: Request, config: Config, threads: int) -> list[Candidate]:
        return self._priced(request, (threads,))

    def _priced(self, request: Request, threads: Sequence[int]) -> list[Candidate]:
        """The fastest candidates with blocks of THREADS, the best first."""
        pool = pool_of(request)
        if pool is None:
            return []
        windows, size, target = windows_of(pool), pool.x.type.dtype.bytes, request.target

        def at(dim: Dim) -> int:
            return max(evaluate(dim, request.optimum), 1)

        found = []
        for config in configs(windows, widest(request, pool), size, at, threads):
            own = work(windows, config, size)
            if own.registers <= MOST_REGISTERS:
                found.append(priced(windows, config, own, target, at))
        best = ranked(found, target, MOST_CANDIDATES)
        return [self.candidate(each.config, each.microseconds) for each in best]

    def realize(self, request: Request, config: Config) -> KernelCode:
        pool, own = pool_of(request), self.configured(config)
        if pool is None:
            raise ValueError("not a pool that this family supports")
        windows, signature = windows_of(pool), make_signature(request)
        misfit = windows.misfit(own)
        if misfit is not None:
            raise ValueError(misfit)
        dtype = pool.x.type.dtype
        names, types = signature.symbols, (signature.index_type, c_type(dtype))
        spec = WindowMaximaSpec(
            name=Identifier(request.name),
            title=title(request),
            parameters=signature.parameters,
            strips=strips_spec(windows, own, names, Identifier(signature.inputs[0]), types),
            lowest=Code(lowest(dtype)),
            epilogue=_stored(request, pool, signature, own.vector),
        )
        geometry = Geometry((windows.blocks(own), 1, 1), (own.threads, 1, 1))
        return KernelCode(TEMPLATE, spec, geometry, signature.typed)


def pool_of(request: Request) -> MaxPool | None:
    """The only op of REQUEST, if it is a pool that strips can run; else None."""
    pool = request.ops[0]
    if len(request.ops) != 1 or not isinstance(pool, MaxPool):
        return None
    x, y = pool.x.type, request.writes[0]
    small = all(taps <= MOST_TAPS for taps in pool.window)
    fits = x.dtype in PACKED and x.dtype == y.dtype and x.strides[1] == 1 and y.strides[1] == 1
    return pool if small and fits and widest(request, pool) * x.dtype.bytes in WORDS else None


def widest(request: Request, pool: MaxPool) -> int:
    """Channels that one thread loads and stores as one vector: a power of two, at most 16 bytes."""
    steps = [pool.x.type.shape[1]]
    for type in (pool.x.type, request.writes[0]):
        steps += [type.layout.offset, *(step for axis, step in enumerate(type.strides) if axis != 1)]
    return power_of_two_in(divisor(*steps), max(WORDS) // pool.x.type.dtype.bytes)


def work(windows: Windows, config: StripConfig, size: int) -> StripWork:
    """What a thread does under CONFIG, in instructions on words; an element has SIZE bytes."""
    lines, columns = positions(windows, config)
    _, y, x = windows.axes
    taps, stride = (y.window or NO_WINDOW).taps, (y.window or NO_WINDOW).stride
    word = max(1, config.vector * size // 4)
    rows = min(config.rows, ceil(taps / stride)) if windows.slides else config.rows
    registers = 24 + word * (config.pixels * (rows + 1) + columns * (min(config.ahead, lines - 1) + 1))
    each = word * (5 if size == 1 else 1)  # a maximum of bytes takes several instructions
    across = (x.window or NO_WINDOW).taps * lines / config.rows
    return StripWork(registers, 3, 3 + each * (across + taps), size, size)


def windows_of(pool: MaxPool) -> Windows:
    """The windows of POOL and its channels."""
    x, y = pool.x.type, pool.y.type
    rows = [RowAxis(x.shape[0], x.strides[0], None, "image")]
    labels = SPATIAL[-len(pool.window) :]
    for axis, (taps, stride, dilation, pad, label) in enumerate(
        zip(pool.window, pool.strides, pool.dilations, pool.begins, labels, strict=True)
    ):
        window = Window(taps, stride, dilation, pad, x.shape[axis + 2], pool.guarded_axis(axis))
        rows.append(RowAxis(y.shape[axis + 2], x.strides[axis + 2], window, label))
    return Windows(tuple(rows), x.shape[1], x.layout.offset)


def _stored(request: Request, pool: MaxPool, signature: Signature, vector: int) -> Code:
    """The statements that store `maximum`, the result at row m and channel n."""
    shape = pool.y.type.shape
    outputs = (0, *range(2, len(shape)))
    rows = make_space("m", "i", [(axis, shape[axis]) for axis in outputs])
    columns = make_space("n", "i", [(1, shape[1])])
    places = rows.index(outputs) | columns.index([1])
    index = tuple(places[axis] for axis in range(len(shape)))
    lanes = Lanes(columns.axes[0].symbol, vector)
    emitter = Emitter({}, signature.symbols, (rows, columns), lanes)
    section = Section(vector)
    result = Given("maximum[lane]", pool.y.type.dtype, varying=True, vector="maximum")
    store(emitter, signature.outputs[0], request.writes[0], index, result, section)
    decode = [line for space in (rows, columns) for line in space.decode(emitter.names, signature.index_type)]
    return Code("\n".join([*decode, *section.finished(vector)]))
