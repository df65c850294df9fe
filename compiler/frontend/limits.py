"""Limits on the resources that a model may use: hostile files end in a typed error, not in a hang.

Real models stay far below all of them; the tests show the kinds of attacks that they stop.
"""

from __future__ import annotations

from ...dialects.core.affine import Dim, product
from ...dialects.core.affine_traversal import measure
from ...dialects.core.bounds import bounds
from ...dialects.core.module import Module
from ...dialects.core.sizes.most import most
from ...dialects.core.types import TensorType
from .problems import Malformed

MAX_NODES = 250_000  # nodes after inlining of functions
MAX_DEPTH = 24  # nesting depth of functions
MAX_ELEMENTS = 2**36  # elements of one tensor, at the symbols' maxima
MAX_RANK = 32
MAX_SYMBOLS = 1024  # symbols of a model, those included that are computed from others
MAX_SHAPE_VALUES = 4096  # elements of a tensor that is tracked as symbolic integers
MAX_FOLDED_BYTES = 8 * 2**30  # that folding may read and write in all; the rest is left to a run
MAX_SHAPE_WORK = 1 << 19  # elements that shape arithmetic may compute in all
MAX_DIM_PARTS = 128  # atoms and terms of one symbolic dimension
MAX_INTEGER = 2**63 - 1
DEFAULT_FOLDING_BUDGET = 768 * 2**20  # bytes that the results of constant folding may hold at a time


def check_symbols(module: Module) -> None:
    """Raise Malformed when MODULE has too many symbols: proofs about sizes take time by their number."""
    if len(module.symbols) > MAX_SYMBOLS:
        raise Malformed(f"the model has {len(module.symbols)} sizes that vary; the limit is {MAX_SYMBOLS}")


def check_dim(dim: Dim) -> Dim:
    """DIM itself. Raises Malformed unless it is a 64-bit integer or a symbolic expression of limited size."""
    if isinstance(dim, int):
        if abs(dim) > MAX_INTEGER:
            raise Malformed("a size is outside the range of 64-bit integers")
        return dim
    parts, largest = measure(dim)
    if parts > MAX_DIM_PARTS or largest > MAX_INTEGER:
        raise Malformed("a symbolic size is too large an expression")
    return dim


def check_type(type: TensorType, module: Module, *, counted: bool = True) -> None:
    """Raise Malformed if a tensor of TYPE has too many dimensions, or a negative size at the symbols' maxima.

    With COUNTED, also if it has too many elements.
    """
    if type.rank > MAX_RANK:
        raise Malformed(f"a tensor of {type.rank} dimensions is more than the limit of {MAX_RANK}")
    for dim in type.shape:
        check_dim(dim)
    highest = [bounds(dim, module.ranges)[1] for dim in type.shape]
    elements = product(size for size in highest if size is not None)
    if counted and isinstance(elements, int) and elements > MAX_ELEMENTS:
        _check_elements(type, elements, module)
    if any(size is not None and size < 0 for size in highest):
        raise Malformed(f"a result has a negative size: {type}")


def _check_elements(type: TensorType, elements: int, module: Module) -> None:
    """Raise Malformed unless constraints keep a tensor of TYPE, of ELEMENTS by its sizes only, small."""
    fewer = most(type.elements, module)
    if fewer is None or fewer > MAX_ELEMENTS:
        text = f"a tensor of {elements} elements is more than the limit of {MAX_ELEMENTS}"
        for name in list(module.contents)[:1]:
            text += f'; give what inputs hold small ranges: shapes={{"{name}[0]": (1, 8, 8)}}'
        raise Malformed(text)
