"""The sizes of an inverted residual, and how it is divided among blocks and threads."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim

WARP = 32


@dataclass(frozen=True)
class WindowSide:
    """Height or width: `out` outputs of windows with `taps` taps over `size` pixels, `stride` apart, of which
    the first begins `pad` pixels before the first one."""

    out: int
    size: int
    taps: int
    stride: int
    pad: int

    def reads(self, outputs: int) -> int:
        """Pixels that so many neighbouring OUTPUTS read."""
        return (outputs - 1) * self.stride + self.taps


@dataclass(frozen=True)
class InvertedExtents:
    """The sizes of an inverted residual: `images` of `depth` channels each are expanded to `channels`, and
    these projected to `columns`.

    batch: images at the sizes that kernels are tuned for; bytes: of an element of any operand; expands:
    whether there is an expansion, without which depth is channels; steps, offset: elements from pixel to
    pixel, from line to line and from image to image of the input, and before the first; result_bytes: what is
    read and written for each result.
    """

    images: Dim
    batch: int
    height: WindowSide
    width: WindowSide
    depth: int
    channels: int
    columns: int
    bytes: int
    expands: bool
    steps: tuple[int, int, int]
    offset: Dim
    result_bytes: int

    def tiles(self, height: int, width: int) -> int:
        """Tiles of HEIGHT x WIDTH outputs of an image."""
        return -(-self.height.out // height) * -(-self.width.out // width)

    @property
    def taps(self) -> int:
        """Taps of the window."""
        return self.height.taps * self.width.taps

    @property
    def lanes(self) -> int:
        """Channels of a word, which a thread convolves together."""
        return 4 // self.bytes


@dataclass(frozen=True)
class InvertedConfig:
    """A configuration: a block computes tiles of `height` x `width` outputs, `chunk` expanded channels at a
    time.

    A thread convolves a word of channels of `rows` x `pixels` outputs at once. kept: 1 where the weights of
    all chunks stay in shared memory, 0 where those of two are there. splits: blocks of a cluster that share
    the chunks of one tile, and add up what they have of its outputs.
    """

    height: int
    width: int
    chunk: int
    threads: int
    rows: int
    pixels: int
    kept: int
    splits: int = 1

    @property
    def warps(self) -> int:
        """Warps of a block."""
        return self.threads // WARP

    @property
    def outputs(self) -> int:
        """Outputs of a tile."""
        return self.height * self.width
