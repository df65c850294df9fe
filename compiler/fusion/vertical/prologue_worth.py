"""Cost model of a prologue: whether a contraction should compute its first operand while loading it.

A prologue saves a launch, and the store and load of the operand. It costs recomputation: a block
computes an element each time it loads it, for every column of tiles and every tap of a window, and
loads it in the type in which it is stored, which may be wider.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ....codegen.interface import ArchSpec
from ....dialects.core.affine import Dim
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.dtypes import DType
from ....dialects.core.ir import Operation
from ....dialects.graph.binary import Div
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ...patterns.layouts import launch_elements
from .recompute import flops_per_element
from .record import Refusal

# Of the tile that a large contraction usually gets: a shape of its kernels, the same on every target.
TILE_COLUMNS = 128
ONCE = 4  # times the arithmetic that pays where an element is not computed for every tap and column

Sizes = Mapping[str, int]


def refusal(
    seed: Conv | Matmul,
    ops: Iterable[Operation],
    stored: DType,
    multiplied: DType,
    sizes: Sizes,
    target: ArchSpec,
    *,
    once: bool = False,
) -> Refusal | None:
    """Why SEED should not have OPS as its prologue; None when it should.

    OPS are the ops evaluated per element. STORED is the operand's type in memory, MULTIPLIED the type in
    which it is multiplied. SIZES holds every symbol's optimum. TARGET gives memory bandwidth and launch
    latency. ONCE: its kernels load an element about once, whatever the window.
    """
    fit = target.fitted.fusion
    flops = sum(_flops(op, target) for op in ops)
    if flops > fit.prologue_flops * (ONCE if once else 1):
        return Refusal("it takes too many flops for a prologue", {"flops": flops})
    evaluations = 1.0 if once else loads_per_element(seed, sizes)
    if flops and evaluations > fit.prologue_evaluations:
        return Refusal(f"it would be computed {evaluations:.3g} times over", {"evaluations": evaluations})
    return _wider(seed, evaluations, stored, multiplied, sizes, target)


def _flops(op: Operation, target: ArchSpec) -> float:
    return target.fitted.fusion.division_flops if isinstance(op, Div) else flops_per_element(op, target)


def _wider(
    seed: Conv | Matmul,
    evaluations: float,
    stored: DType,
    multiplied: DType,
    sizes: Sizes,
    target: ArchSpec,
) -> Refusal | None:
    """The refusal when a wider type is loaded so often that converting it once is cheaper."""
    more = stored.bytes - multiplied.bytes
    elements = max(_count(seed.inputs[0].type.shape, sizes), 1.0)
    again = target.fitted.fusion.read_again * more * elements * (evaluations - 1.0)
    saved = (2.0 * elements + launch_elements(target)) * multiplied.bytes
    if again <= saved:
        return None
    reason = f"{stored} would be read {evaluations:.3g} times over"
    figures = {"evaluations": evaluations, "bytes_read_again": int(again)}
    return Refusal(f"{reason}: converting it to {multiplied} once is cheaper", figures)


def loads_per_element(seed: Conv | Matmul, sizes: Sizes) -> float:
    """How often an element of SEED's first operand is loaded, from memory or cache; at least 1 on average."""
    y = seed.result.type.shape
    if isinstance(seed, Matmul):
        return float(math.ceil(evaluate(y[-1], sizes) / TILE_COLUMNS))
    columns = math.ceil(evaluate(y[1], sizes) / seed.groups / TILE_COLUMNS)
    taps = math.prod(evaluate(size, sizes) for size in seed.w.type.shape[2:])
    read = _count(seed.x.type.shape[2:], sizes)
    return float(columns * max(taps * _count(y[2:], sizes) / max(read, 1.0), 1.0))


def _count(dims: Iterable[Dim], sizes: Sizes) -> float:
    return math.prod(float(evaluate(dim, sizes)) for dim in dims)
