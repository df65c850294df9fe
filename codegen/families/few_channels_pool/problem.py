"""A convolution of few channels whose accumulators a pool takes maxima of, and the windows of the pool.

Outputs of the convolution are counted in cells: unit u has the cells 2u and 2u + 1, and cell c is output
c - shift. Windows of two outputs are a unit, those of three also have the last cell of the unit before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.affine import Dim
from ....dialects.core.ir import Operation
from ....dialects.core.traits import Trait, has
from ....dialects.graph.convolution import Conv
from ....dialects.graph.pool import MaxPool
from ...request.request import Request
from ..contraction.binding import Contraction, contraction_of
from ..few_channels.problem import Image, Side, image_of

STRIDE = 2  # of windows: outputs of the convolution from one to the next
TAPS = (2, 3)  # outputs of a window along an axis


@dataclass(frozen=True)
class PoolSide:
    """Height or width of the pool: `out` maxima of `taps` outputs each; the first window begins `pad` outputs
    before the first output."""

    out: Dim
    taps: int
    pad: int

    @property
    def reaches_back(self) -> bool:
        """Whether windows have a cell of the unit before theirs."""
        return self.taps > STRIDE

    @property
    def lead(self) -> int:
        """Units before that of the first maximum."""
        return 1 if self.reaches_back and self.pad == 0 else 0

    @property
    def shift(self) -> int:
        """The cell of the first output."""
        return STRIDE * self.lead - (self.taps - STRIDE) + self.pad

    @property
    def units(self) -> Dim:
        """All units."""
        return self.out + self.lead

    def leaves(self, side: Side) -> bool:
        """Whether windows may have cells that are no outputs of the convolution, of the extent SIDE."""
        last = STRIDE * self.units - self.shift
        return self.shift > 0 or not (
            isinstance(last, int) and isinstance(side.out, int) and last <= side.out
        )


@dataclass(frozen=True)
class PooledImage:
    """The convolution of `image` and the pool `op` of its accumulators."""

    image: Image
    op: MaxPool
    height: PoolSide
    width: PoolSide

    @property
    def sides(self) -> tuple[PoolSide, PoolSide]:
        """Height and width."""
        return self.height, self.width


def pooled_contraction(request: Request) -> tuple[Contraction, MaxPool] | None:
    """The contraction of REQUEST, and the pool that alone reads its result; None without them."""
    windows = [op for op in request.ops if has(op, Trait.WINDOW)]
    if len(windows) != 1 or not isinstance(windows[0], MaxPool) or unfit(windows[0]) is not None:
        return None
    root, pool = windows[0].x.producer, windows[0]
    if not isinstance(root, Conv) or len(root.result.uses) != 1:
        return None
    found = contraction_of(request)
    return None if found is None or found.root is not root else (found, pool)


def unfit(pool: Operation) -> str | None:
    """Why kernels do not take the maxima of POOL; None when they do."""
    if not isinstance(pool, MaxPool) or len(pool.window) != len(("height", "width")):
        return "it is no maximum over windows of height and width"
    if any(stride != STRIDE for stride in pool.strides) or any(each != 1 for each in pool.dilations):
        return "its windows do not lie two outputs apart"
    if any(taps not in TAPS for taps in pool.window):
        return "its windows have neither two nor three outputs along an axis"
    begins, ends = (list(zip(pads, pool.window, strict=True)) for pads in (pool.begins, pool.ends))
    fits = all(0 <= pad < taps for pad, taps in begins) and all(pad < taps for pad, taps in ends)
    return None if fits else "its outermost windows are all padding, or its first ones crop"


def pooled_image_of(request: Request) -> PooledImage | str:
    """The pooled image of REQUEST; why kernels do not compute it."""
    found = pooled_contraction(request)
    if found is None:
        return "no convolution whose accumulators a pool takes maxima of"
    contraction, pool = found
    image = image_of(contraction, request.target)
    if isinstance(image, str):
        return image
    height, width = (
        PoolSide(pool.y.type.shape[axis + 2], pool.window[axis], pool.begins[axis]) for axis in (0, 1)
    )
    return PooledImage(image, pool, height, width)
