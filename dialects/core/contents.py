"""The contents of inputs that sizes depend on: `content "shape" = [s, 3]` states the values of an input.

A content is for values what a shape is for sizes: one size expression per element, in row-major order; two
for the numerator and the denominator of a floating-point element (see `runtime/contents.py`). An element that
is a symbol gives the symbol its value; any other is a value that the input must have. An input of integers
with one dimension may have a length that is a size: its content has as many numbers as it may have at most;
those beyond its end are 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from .affine import Dim
from .diagnostics import function_error
from .module import Function, Module
from .parts import ArgumentAt
from .types import TensorType

MOST_ELEMENTS = 64  # elements of an input with known content


def readable(type: TensorType) -> bool:
    """Whether an input of TYPE may have a content: a few numbers, of static count."""
    countable = type.dtype.is_integer or type.dtype.is_float
    return countable and isinstance(type.elements, int) and type.elements <= MOST_ELEMENTS


def is_list(type: TensorType) -> bool:
    """Whether an input of TYPE may have a content though its length is a size."""
    return type.dtype.is_integer and type.rank == 1 and not isinstance(type.shape[0], int)


def parts_of(type: TensorType) -> int:
    """The number of size expressions per element of an input of TYPE: two for a fraction."""
    return 2 if type.dtype.is_float else 1


def verify_contents(module: Module) -> None:
    """Raise IRError for a content that does not fit its input."""
    function = module.main
    for name, dims in module.contents.items():
        if name not in function.inputs:
            hint = f"its inputs are {', '.join(function.inputs)}" if function.inputs else None
            raise function_error(function, f"it has no input '{name}', whose content is given", hint)
        _verify(function, function.inputs.index(name), dims)


def _verify(function: Function, index: int, dims: Sequence[Dim]) -> None:
    type = function.arguments[index].type
    name = function.inputs[index]
    if is_list(type) and len(dims) <= MOST_ELEMENTS:
        return
    if not readable(type):
        text = f"the content of the input '{name}', a {type}, cannot be known"
        hint = f"it must be at most {MOST_ELEMENTS} numbers, of static shape"
        raise function_error(function, text, hint, at=ArgumentAt(index))
    wanted = type.elements * parts_of(type)
    if len(dims) != wanted:
        text = f"the content of the input '{name}' has {len(dims)} numbers, {wanted} are expected for {type}"
        raise function_error(function, text, at=ArgumentAt(index))
