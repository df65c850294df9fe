"""Depthwise convolution (one channel per group, channels last): direct, vectorized over channels.

It is memory-bound. Each thread keeps accumulators for a few adjacent output positions, so that it loads an
input element once per line of the window. The weights are in shared memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim, ceildiv, product
from ....dialects.core.dtypes import BF16, DType
from ...arch.spec import ArchSpec
from ...request.request import Geometry
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier
from ..divisors import divisor, power_of_two_in
from .axes import NO_WINDOW
from .gather import AxisSpec, WindowSpec, row_specs
from .problem import Problem
from .spec import KernelBinding

TEMPLATE = "kernels/depthwise_conv.cu.j2"
# The most channels of a thread: accumulators of more would not fit its registers.
MOST_LANES = 8
# The most multiply-adds of a thread with several output positions. The compiler converts bytes and bf16 to
# f32 long before it multiplies them, so their live ranges are long: with 800 multiply-adds of bf16 it spills,
# with 400 it does not (NVRTC 13.5, sm_90a).
MOST_PRODUCTS, MOST_CONVERTED = 800, 400
# The same for bf16 with one output position, all converted at once: 392 spill, 200 take 184 registers.
MOST_ALONE = 200


@dataclass(frozen=True)
class DepthwiseConfig:
    """A configuration: `vector` channels and `pixels` adjacent output positions per thread; `channels` and
    `threads` per block."""

    vector: int
    pixels: int
    channels: int
    threads: int


@dataclass(frozen=True)
class DepthwiseSpec:
    """The spec of a depthwise kernel for its template.

    A window has `taps` taps, and its innermost line `inner_taps`; `first_tap` is the flat index of a line's
    first tap. A thread loads `columns` input positions of a line. Steps and offsets count elements.
    """

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    a: Identifier
    b: Identifier
    type: Identifier
    accumulate: Identifier
    m: Code
    channels: Code
    a_offset: Code
    b_offset: Code
    b_is_weight: bool
    axes: tuple[AxisSpec, ...]
    taps: int
    first_tap: Code
    columns: int
    inner_checked: bool
    inner_limit: Code
    inner_dilation: int
    inner_stride: int
    inner_taps: int
    vector: int
    pixels: int
    channels_per_block: int
    runs_per_block: int
    threads: int
    epilogue: Code

    @property
    def line_windows(self) -> tuple[WindowSpec, ...]:
        """The windows that have several lines of taps, one loop over them each, outermost first."""
        return _line_windows(self.axes)


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
    """Channels that one thread loads and stores as one vector; an output element has OUT_BYTES bytes.

    At most `MOST_LANES`; fewer where the conversions of bf16 would spill.
    """
    steps: list[Dim] = [problem.batches, problem.a_offset]
    steps += [axis.step for axis in problem.rows]
    most = min(16 // min(problem.a.bytes, out_bytes), MOST_LANES)
    while problem.a == BF16 and most > 1 and most * problem.taps > MOST_ALONE:
        most //= 2
    return power_of_two_in(divisor(*steps), most)


def candidates(
    problem: Problem, target: ArchSpec, out_bytes: int = 2, most: int = 12
) -> list[DepthwiseConfig]:
    """Up to MOST configurations of PROBLEM, the fastest by `cost` first; some may be `illegal`.

    An output element has OUT_BYTES bytes.
    """
    vector = widest(problem, out_bytes)
    channels = problem.at_optimum(problem.batches)
    lanes = [count for count in (4, 8, 16, 32) if count * vector < channels * 2] or [4]
    inner = problem.rows[-1].window or NO_WINDOW
    pixels = (1, 2, 4) if inner.dilation == 1 else (1,)
    found = [
        DepthwiseConfig(vector, run, count * vector, threads)
        for run in pixels
        for count in lanes
        for threads in (128, 256)
    ]
    found.sort(key=lambda config: cost(problem, config, target))
    return found[:most]


def illegal(problem: Problem, config: DepthwiseConfig, target: ArchSpec) -> str | None:
    """Why CONFIG cannot run PROBLEM on TARGET; None when it can."""
    inner = problem.rows[-1].window or NO_WINDOW
    if config.pixels > 1 and inner.dilation > 1:
        return "adjacent outputs of a dilated window share no inputs"
    products = problem.taps * config.pixels * config.vector
    if config.pixels > 1 and products > (MOST_CONVERTED if _is_converted(problem.a) else MOST_PRODUCTS):
        return "too many outputs per thread for its registers"
    if config.channels % config.vector or config.threads % (config.channels // config.vector):
        return "the channels do not divide evenly among the threads"
    if config.channels * problem.taps * problem.accumulate.bytes > target.shared_bytes:
        return "not enough shared memory"
    return None


def _is_converted(dtype: DType) -> bool:
    return dtype.bytes == 1 or dtype == BF16


def specialize(problem: Problem, config: DepthwiseConfig, binding: KernelBinding) -> DepthwiseSpec:
    """The spec of PROBLEM under CONFIG, which must be legal; BINDING was made for CONFIG's vector."""
    names = binding.names
    axes = row_specs(problem.rows, names)
    inner = problem.rows[-1].window or NO_WINDOW
    return DepthwiseSpec(
        name=binding.name,
        title=binding.title,
        parameters=binding.parameters,
        index_type=Identifier("i64" if problem.wide else binding.index_type),
        a=binding.a,
        b=binding.b,
        type=Identifier(c_type(problem.a)),
        accumulate=Identifier(c_type(problem.accumulate)),
        m=Code(dim_to_c(problem.m, names)),
        channels=Code(dim_to_c(problem.batches, names)),
        a_offset=Code(factor_to_c(problem.a_offset, names)),
        b_offset=Code(factor_to_c(problem.b_offset, names)),
        b_is_weight=problem.b_is_weight,
        axes=axes,
        taps=problem.taps,
        first_tap=Code(_first_tap(axes)),
        columns=(config.pixels - 1) * inner.stride + inner.taps if inner.dilation == 1 else inner.taps,
        inner_checked=inner.checked,
        inner_limit=Code(factor_to_c(inner.limit, names)),
        inner_dilation=inner.dilation,
        inner_stride=inner.stride,
        inner_taps=inner.taps,
        vector=config.vector,
        pixels=config.pixels,
        channels_per_block=config.channels,
        runs_per_block=config.threads * config.vector // config.channels,
        threads=config.threads,
        epilogue=binding.epilogue,
    )


def _line_windows(axes: tuple[AxisSpec, ...]) -> tuple[WindowSpec, ...]:
    windows = (axis.window for axis in axes[:-1])
    return tuple(window for window in windows if window is not None and window.taps > 1)


def _first_tap(axes: tuple[AxisSpec, ...]) -> str:
    """The flat index of the tap (tap_z, tap_y, 0), as C text."""
    inner = axes[-1].window.taps if axes[-1].window else 1
    text = ""
    for window in _line_windows(axes):
        text = f"({text} * {window.taps} + {window.tap})" if text else f"{window.tap}"
    return f"{text} * {inner}" if text else "0"


def _runs(problem: Problem, config: DepthwiseConfig) -> Dim:
    """Runs of output positions: a thread computes one, of `pixels` adjacent positions."""
    lines = product(axis.extent for axis in problem.rows[:-1])
    return lines * ceildiv(problem.rows[-1].extent, config.pixels)


def launch(problem: Problem, config: DepthwiseConfig) -> Geometry:
    """The launch geometry of PROBLEM under CONFIG."""
    runs_per_block = config.threads * config.vector // config.channels
    blocks = ceildiv(_runs(problem, config), runs_per_block) * ceildiv(problem.batches, config.channels)
    shared = config.channels * problem.taps * problem.accumulate.bytes
    return Geometry(grid=(blocks, 1, 1), block=(config.threads, 1, 1), shared=shared)


def cost(problem: Problem, config: DepthwiseConfig, target: ArchSpec) -> float:
    """Expected microseconds of PROBLEM under CONFIG at the optimal sizes."""
    inner, fit = problem.rows[-1].window or NO_WINDOW, target.fitted.depthwise
    channels = problem.at_optimum(problem.batches)
    outputs = problem.at_optimum(problem.m) * channels
    columns = (config.pixels - 1) * inner.stride + inner.taps
    lines = problem.taps // inner.taps
    loads = outputs / config.pixels * columns * lines * problem.a.bytes
    waste = problem.at_optimum(ceildiv(problem.batches, config.channels)) * config.channels / channels
    threads = problem.at_optimum(_runs(problem, config)) * channels / config.vector
    busy = min(1.0, threads / (target.multiprocessors * fit.threads))
    moved = outputs * (2 + problem.a.bytes * inner.stride**2)
    l1 = loads * waste / (target.multiprocessors * fit.l1_bandwidth * target.clock)
    memory = max(l1, moved / target.bytes_per_second * 1e6)
    return fit.launch + memory / busy + fit.load * lines * columns / 10
