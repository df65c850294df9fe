"""Optional inputs: `default "w" = @weight` names the weight that the input `w` holds if a run omits it.

ONNX calls an initializer with the name of an input the input's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .affine import Dim
from .diagnostics import function_error
from .dtypes import from_numpy
from .module import Function, Module
from .parts import ArgumentAt
from .types import TensorType

Array = np.ndarray[Any, Any]


def completed(module: Module, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """INPUTS, completed by the defaults of those that are missing. Raises IRError for a missing weight."""
    lacking = [name for name in module.defaults if name not in inputs]
    return dict(inputs) | {name: module.resources[module.defaults[name]] for name in lacking}


def admits(type: TensorType, array: Array) -> bool:
    """Whether an input of TYPE may hold ARRAY, at some values of its symbols."""

    def agree(dim: Dim, size: int) -> bool:
        return not isinstance(dim, int) or dim == size

    alike = type.rank == array.ndim and type.dtype.name == from_numpy(array.dtype).name
    return alike and all(map(agree, type.shape, array.shape))


def verify_defaults(module: Module) -> None:
    """Raise IRError for a default without an input, or one that its input cannot hold."""
    for name, weight in module.defaults.items():
        function = module.main
        if name not in function.inputs:
            hint = f"its inputs are {', '.join(function.inputs)}" if function.inputs else None
            raise function_error(function, f"it has a default for '{name}', which is not an input", hint)
        if weight in module.resources:
            _verify(function, function.inputs.index(name), weight, module.resources[weight])


def _verify(function: Function, index: int, weight: str, array: Array) -> None:
    type = function.arguments[index].type
    if not admits(type, array):
        held = TensorType(array.shape, from_numpy(array.dtype))
        text = f"the default @{weight} of the input '{function.inputs[index]}' is {held}, the input is {type}"
        raise function_error(function, text, at=ArgumentAt(index))
