"""Batches without padding: `unpadded "mask" {"y" = [0, 1]}` (`runtime/unpadded.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...runtime.unpadded import OFFSETS, PLACES, POSITIONS, ROLES, STEP, TOKENS, named
from .affine import Dim, floordiv
from .diagnostics import function_error
from .dtypes import I32
from .module import Function, Module, Unpadded
from .parts import ArgumentAt

Array = np.ndarray[Any, Any]


def without_padding(
    module: Module, results: Mapping[str, Array], inputs: Mapping[str, Array]
) -> dict[str, Array]:
    """RESULTS of a padded batch as those of MODULE, with zeros for padding if it is one without."""
    unpadded = module.unpadded
    if unpadded is None:
        return dict(results)
    kept = np.asarray(inputs[unpadded.mask]) != 0
    return {
        name: _cleared(result, kept, unpadded.outputs[name]) if name in unpadded.outputs else result
        for name, result in results.items()
    }


def _cleared(result: Array, kept: Array, axes: tuple[int, ...]) -> Array:
    """RESULT with zeros for tokens that are not KEPT, along AXES of sequences and tokens, or of both."""
    seen = kept.reshape(-1) if len(axes) == 1 else kept
    order = np.argsort(axes)  # the axes of `seen`, as they follow one another in the result
    shape = np.ones(result.ndim, int)
    shape[list(axes)] = seen.shape
    return np.where(np.transpose(seen, order).reshape(shape), result, np.zeros((), result.dtype))


def verify_unpadded(module: Module) -> None:
    """Raise IRError unless the mask, and the inputs that a run computes of it, fit each other."""
    if module.unpadded is None:
        return
    function, mask = module.main, module.unpadded.mask
    types = {name: value.type for name, value in zip(function.inputs, function.arguments, strict=False)}
    for name in (mask, *(named(mask, role) for role in ROLES)):
        if name not in types:
            raise function_error(function, f"it has no input '{name}' of the batch without padding")
    if types[mask].rank != 2 or types[named(mask, TOKENS)].rank != 1:
        text = f"the mask '{mask}' is {types[mask]}, and its tokens {types[named(mask, TOKENS)]}"
        raise function_error(function, text, "a mask is [sequences, tokens], and its tokens are a list")
    n, s = types[mask].shape
    (rows,) = types[named(mask, TOKENS)].shape
    if floordiv(rows, STEP) * STEP != rows:
        raise function_error(function, f"the {rows} rows of tokens are no multiple of {STEP}")
    shapes = {TOKENS: (rows,), POSITIONS: (rows,), OFFSETS: (n + 1,), PLACES: (n, s)}
    for role, shape in shapes.items():
        given = types[named(mask, role)]
        if given.shape != shape or given.dtype != I32:
            wanted = "x".join(map(str, shape)) + f"x{I32}"
            text = f"the input '{named(mask, role)}' is {given}, tensor<{wanted}> is expected"
            raise function_error(function, text, at=ArgumentAt(function.inputs.index(named(mask, role))))
    _verify_outputs(function, module.unpadded, (n, s))


def _verify_outputs(function: Function, unpadded: Unpadded, sizes: tuple[Dim, Dim]) -> None:
    """Raise IRError for an output whose axes of sequences and tokens do not have SIZES."""
    types = {
        name: value.type for name, value in zip(function.outputs, function.returned, strict=False)
    }
    wanted = {1: [sizes[0] * sizes[1]], 2: list(sizes)}
    for name, axes in unpadded.outputs.items():
        if name not in types:
            raise function_error(function, f"it has no output '{name}', of which padding is said to be zeros")
        rank, shape = types[name].rank, types[name].shape
        if len(set(axes)) != len(axes) or any(axis >= rank for axis in axes):
            raise function_error(function, f"the output '{name}' is {types[name]}, without axes {list(axes)}")
        if [shape[axis] for axis in axes] != wanted.get(len(axes)):
            hint = "they are one of sequences and one of tokens, or one of both"
            text = f"the axes {list(axes)} of the output '{name}' are not those of the mask"
            raise function_error(function, text, hint)
