"""Checks of batches without padding: `unpadded "mask"` (`runtime/unpadded.py`)."""

from __future__ import annotations

from ...runtime.unpadded import OFFSETS, PLACES, POSITIONS, ROLES, STEP, TOKENS, named
from .affine import floordiv
from .diagnostics import function_error
from .dtypes import I32
from .module import Module
from .parts import ArgumentAt


def verify_unpadded(module: Module) -> None:
    """Raise IRError unless the mask, and the inputs that a run computes of it, fit each other."""
    if module.unpadded is None:
        return
    function, mask = module.main, module.unpadded
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
