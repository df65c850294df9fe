"""Kernels over windows whose threads compute strips of neighbouring outputs: their shapes and their grids.

A thread has a few adjacent channels of `rows` x `pixels` adjacent output positions. It goes through the lines
of the input that these read, and uses each element that it loads for every output that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ....dialects.core.affine import Dim, ceildiv, product
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.divisions import reciprocal
from ...text.render import Code, Identifier
from .axes import NO_WINDOW, RowAxis
from .gather import AxisSpec, WindowSpec, row_specs

MOST_THREADS = 256  # of a block: more are never proposed, and fewer share the code of a kernel for these


@dataclass(frozen=True)
class StripConfig:
    """A configuration: `vector` channels of `rows` x `pixels` adjacent output positions per thread, which
    loads `ahead` lines of the input before it uses them; `channels` and `threads` per block."""

    vector: int
    pixels: int
    rows: int
    ahead: int
    channels: int
    threads: int

    @property
    def thread(self) -> tuple[int, int, int, int]:
        """What a thread does, whatever its block."""
        return self.vector, self.pixels, self.rows, self.ahead

    @property
    def strips(self) -> int:
        """Strips of a block; threads beyond them have none."""
        return self.threads // (self.channels // self.vector)


@dataclass(frozen=True)
class SpanSpec:
    """A thread's share of one axis: `outputs` adjacent outputs, which read `positions` input positions.

    name, place: the C variables of the output and of the input coordinate. edges: the positions that lie
    outside the input in some strip, and need a predicate. ragged: the last strip is shorter. step: elements
    per input position.
    """

    name: Identifier
    place: Identifier
    extent: Code
    outputs: int
    positions: int
    taps: int
    stride: int
    dilation: int
    pad: int
    limit: Code
    step: Code
    edges: tuple[int, ...]
    ragged: bool


@dataclass(frozen=True)
class DivisorSpec:
    """A number that the kernel divides by; `reciprocal` is its factor (`text/divisions.py`), 0 for none."""

    value: Code
    reciprocal: int


@dataclass(frozen=True)
class StripsSpec:
    """The strips of a kernel for its template.

    a, type, a_offset: the input's buffer, element type and first element. y, x: a thread's share of the
    innermost two axes; outer: the other axes, of `planes` positions. Of a line, `columns` positions are kept.
    lanes: the threads along the channels of a block; channel_blocks: the blocks along all `channels`;
    strips_y, strips_x: the strips along the axes. Steps and offsets count elements.
    """

    index_type: Identifier
    a: Identifier
    type: Identifier
    a_offset: Code
    channels: Code
    planes: Code
    outer: tuple[AxisSpec, ...]
    y: SpanSpec
    x: SpanSpec
    columns: int
    config: StripConfig
    lanes: DivisorSpec
    channel_blocks: DivisorSpec
    strips_y: DivisorSpec
    strips_x: DivisorSpec

    @property
    def most_threads(self) -> int:
        """The most threads of a block with this code."""
        return max(self.config.threads, MOST_THREADS)

    @property
    def ahead(self) -> int:
        """Lines that are loaded before they are used."""
        return min(self.config.ahead, self.y.positions - 1)

    @property
    def outer_windows(self) -> tuple[WindowSpec, ...]:
        """The windows of several taps over the outer axes, outermost first: there is a loop over each."""
        windows = (axis.window for axis in self.outer)
        return tuple(window for window in windows if window is not None and window.taps > 1)


@dataclass(frozen=True)
class Windows:
    """What strips cover: the axes `rows` of the output positions, with their windows, and the channels.

    offset: the input's first element in its buffer.
    """

    rows: tuple[RowAxis, ...]
    channels: Dim
    offset: Dim

    @cached_property
    def axes(self) -> tuple[list[RowAxis], RowAxis, RowAxis]:
        """The outer axes, and the innermost two, between which lines and columns are told apart."""
        *outer, y, x = (RowAxis(1, 0, label="line"), *self.rows)[-max(2, len(self.rows)) :]
        return outer, y, x

    @cached_property
    def slides(self) -> bool:
        """Whether adjacent output lines share input lines that no outer window comes between."""
        outer, y, _ = self.axes
        single = all((axis.window or NO_WINDOW).taps == 1 for axis in outer)
        return single and y.window is not None and y.window.dilation == 1

    def blocks(self, config: StripConfig) -> Dim:
        """The blocks of a launch under CONFIG."""
        return self.strip_blocks(config) * ceildiv(self.channels, config.channels)

    def strip_blocks(self, config: StripConfig) -> Dim:
        """The blocks of a launch under CONFIG for each of its blocks of channels."""
        return ceildiv(self.strips(config), config.strips)

    def strips(self, config: StripConfig) -> Dim:
        """The strips of output positions under CONFIG."""
        outer, y, x = self.axes
        planes = product(axis.extent for axis in outer)
        return planes * ceildiv(y.extent, config.rows) * ceildiv(x.extent, config.pixels)

    def misfit(self, config: StripConfig) -> str | None:
        """Why CONFIG cannot run these windows; None when it can."""
        inner = self.axes[2].window or NO_WINDOW
        if config.pixels > 1 and inner.dilation > 1:
            return "adjacent outputs of a dilated window share no inputs"
        if config.rows > 1 and not self.slides:
            return "adjacent lines of outputs share no lines of the input"
        if config.channels % config.vector or not config.strips:
            return "the channels do not divide evenly among the threads"
        return None


def strips_spec(
    windows: Windows,
    config: StripConfig,
    names: Mapping[str, str],
    buffer: Identifier,
    types: tuple[str, str],
    columns: int = 0,
) -> StripsSpec:
    """The strips of WINDOWS under CONFIG, which must fit; NAMES gives the C variables of symbols.

    BUFFER is the input; TYPES are those of indices and of its elements. At least COLUMNS positions of a line
    are kept.
    """
    outer, y, x = windows.axes
    own_y, own_x = span_spec(y, config.rows, names), span_spec(x, config.pixels, names)

    def divisor(value: Dim, dividends: Dim) -> DivisorSpec:
        return DivisorSpec(Code(dim_to_c(value, names)), reciprocal(value, dividends))

    threads, blocks = max(config.threads, MOST_THREADS), windows.blocks(config)
    strips = windows.strip_blocks(config) * config.strips
    return StripsSpec(
        index_type=Identifier(types[0]),
        a=buffer,
        type=Identifier(types[1]),
        a_offset=Code(factor_to_c(windows.offset, names)),
        channels=Code(dim_to_c(windows.channels, names)),
        planes=Code(factor_to_c(product(axis.extent for axis in outer), names)),
        outer=row_specs(outer, names),
        y=own_y,
        x=own_x,
        columns=max(columns, own_x.positions),
        config=config,
        lanes=divisor(config.channels // config.vector, threads),
        channel_blocks=divisor(ceildiv(windows.channels, config.channels), blocks),
        strips_y=divisor(ceildiv(y.extent, config.rows), strips),
        strips_x=divisor(ceildiv(x.extent, config.pixels), strips),
    )


def span_spec(axis: RowAxis, outputs: int, names: Mapping[str, str]) -> SpanSpec:
    """The share of AXIS of a thread that computes OUTPUTS adjacent outputs."""
    spec, window = row_specs([axis], names)[0], axis.window or NO_WINDOW
    ragged = outputs > 1 and not (isinstance(axis.extent, int) and axis.extent % outputs == 0)
    positions = (outputs - 1) * window.stride + window.taps
    return SpanSpec(
        name=spec.name,
        place=spec.window.name if spec.window else Identifier(f"at_{spec.name}"),
        extent=spec.extent,
        outputs=outputs,
        positions=positions,
        taps=window.taps,
        stride=window.stride,
        dilation=window.dilation,
        pad=window.pad,
        limit=spec.window.limit if spec.window else spec.extent,
        step=spec.step,
        edges=_edges(axis, outputs, positions) if window.checked or ragged else (),
        ragged=ragged,
    )


def _edges(axis: RowAxis, outputs: int, positions: int) -> tuple[int, ...]:
    """The positions that may lie outside the input: all where that depends on a symbol.

    Those of a single output are as many at both ends: it has the same code with any stride then.
    """
    window = axis.window or NO_WINDOW
    limit: Dim = window.limit if axis.window else axis.extent
    if not isinstance(limit, int) or not isinstance(axis.extent, int):
        return tuple(range(positions))
    last = (axis.extent - 1) // outputs * outputs * window.stride - window.pad
    places = ((at, at * window.dilation) for at in range(positions))
    found = {at for at, place in places if place < window.pad or last + place >= limit}
    if outputs == 1:
        found |= {positions - 1 - at for at in found}
    return tuple(sorted(found))


def weights_first_line(outer: Sequence[AxisSpec], lines: int) -> str:
    """The flat index of the first line of the plane where the taps of the OUTER windows stand, as C text.

    Empty for the only plane.
    """
    text = ""
    for window in (axis.window for axis in outer if axis.window and axis.window.taps > 1):
        text = f"({text} * {window.taps} + {window.tap})" if text else f"{window.tap}"
    return text if lines == 1 or not text else f"{text} * {lines}"
