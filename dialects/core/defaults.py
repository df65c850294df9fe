"""Optional inputs: `default "w" = @weight` names the weight that the input `w` holds if a run omits it.

ONNX calls an initializer with the name of an input the input's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError
from ...runtime.contents import numbers_in
from ...runtime.unpadded import completed as with_rows
from .affine_traversal import linear_symbol
from .diagnostics import function_error
from .dtypes import from_numpy
from .module import Function, Module
from .parts import ArgumentAt
from .types import TensorType

Array = np.ndarray[Any, Any]


def completed(module: Module, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """INPUTS as the ops take them: with the defaults of those that are missing, and those of any rank as
    lists, and what is computed of the mask of a batch without padding. Raises IRError for a missing
    weight."""
    lacking = [name for name in module.defaults if name not in inputs]
    given = dict(inputs) | {name: module.resources[module.defaults[name]] for name in lacking}
    flat = {name: np.reshape(given[name], -1) for name in module.unranked.values() if name in given}
    return {**with_rows(given | flat, module.mask)}


def symbols_for(module: Module, index: int, array: Array) -> dict[str, int] | None:
    """The values of symbols at which the input INDEX of MODULE's main function may hold ARRAY, whatever their
    ranges; None if it may at none."""
    value = module.main.arguments[index]
    if value.type.rank != array.ndim or value.type.dtype.name != from_numpy(array.dtype).name:
        return None
    content = module.contents.get(module.main.inputs[index], ())
    numbers = numbers_in(array) if content else []
    found: dict[str, int] = {}
    for dim, size in [*zip(value.type.shape, array.shape, strict=True), *zip(content, numbers, strict=False)]:
        linear = linear_symbol(dim)
        if linear is not None:
            name, factor, offset = linear
            at, rest = divmod(size - offset, factor)
            if rest or found.setdefault(name, at) != at:
                return None
        elif isinstance(dim, int) and dim != size:
            return None
    return found


def beyond_ranges(module: Module, values: Mapping[str, int]) -> dict[str, int]:
    """Those of VALUES that the ranges of their symbols exclude."""
    ranges = module.ranges
    return {name: at for name, at in values.items() if name in ranges and not _within(at, *ranges[name])}


def _within(value: int, low: int, high: int) -> bool:
    return low <= value <= high


def verify_defaults(module: Module) -> None:
    """Raise IRError for a default without an input, or one that its input cannot hold."""
    for name, weight in module.defaults.items():
        function = module.main
        if name not in function.inputs:
            hint = f"its inputs are {', '.join(function.inputs)}" if function.inputs else None
            raise function_error(function, f"it has a default for '{name}', which is not an input", hint)
        if weight in module.resources:
            _verify(function, function.inputs.index(name), weight, module)


def _verify(function: Function, index: int, weight: str, module: Module) -> None:
    array = module.resources[weight]
    try:
        values = symbols_for(module, index, array)
    except InputError as error:
        raise function_error(
            function, f"the default @{weight}: {error.message}", at=ArgumentAt(index)
        ) from None
    name, type = function.inputs[index], function.arguments[index].type
    if values is None:
        held = TensorType(array.shape, from_numpy(array.dtype))
        text = f"the default @{weight} of the input '{name}' is {held}, the input is {type}"
        raise function_error(function, text, at=ArgumentAt(index))
    for symbol, value in beyond_ranges(module, values).items():
        low, high = module.ranges[symbol]
        text = f"the default @{weight} of the input '{name}' needs {symbol} = {value}"
        raise function_error(function, f"{text}, outside its range {low}..{high}", at=ArgumentAt(index))
