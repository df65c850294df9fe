"""Checks that a pass preserved the semantics of a module: interprets it before and after, and compares.

The error bound follows from the element types: an output may be off by a number of unit roundoffs of the
coarsest float type in either module, relative to its largest magnitude. That number grows with the square
root of the longest chain of float operations: each rounds once, and independent errors add up like a
random walk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...dialects.control import ControlOp, Loop
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.dtypes import DType
from ...dialects.core.interpreter import interpret
from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...dialects.core.types import TensorType
from ...dialects.core.unpadded import without_padding
from ...runtime.unpadded import hidden, random_mask

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

# Roundings that are always allowed, and per square root of the depth: well above a random walk's mean.
ROUNDINGS = 16.0
ROUNDINGS_PER_STEP = 6.0
ITERATIONS = 16  # of a loop without a trip count that is a size
SIGNIFICAND_BITS = {
    **{"f64": 53, "f32": 24, "tf32": 11, "f16": 11, "bf16": 8},
    **{"f8e4m3": 4, "f8e5m2": 3, "f8e4m3fnuz": 4, "f8e5m2fnuz": 3, "f8e8m0": 1},
    **{"f6e2m3": 4, "f6e3m2": 3, "f4e2m1": 2},
}


def random_inputs(
    module: Module, seed: int = 0, which: str = "optimum", mask: str | None = None
) -> dict[str, Array]:
    """Random inputs for MODULE's main function: normal floats, integers 0 to 3, booleans.

    WHICH names the symbols' sizes: 'minimum', 'optimum' or 'maximum'; MASK: the input that is a mask of
    tokens, as that of a batch without padding is.
    """
    generator = np.random.default_rng(seed)
    symbols = module.values_at(which)
    function = module.main
    pairs = zip(function.inputs, function.arguments, strict=True)
    made = {name: _random_array(generator, value.type, symbols) for name, value in pairs}
    mask = module.mask or mask
    if mask not in made:
        return made
    computed = hidden(mask)
    kept = {name: array for name, array in made.items() if name not in computed}
    return {**kept, mask: random_mask(made[mask].shape, made[mask].dtype, generator)}


def _random_array(generator: np.random.Generator, type: TensorType, symbols: Mapping[str, int]) -> Array:
    shape = tuple(evaluate(dim, symbols) for dim in type.shape)
    if type.dtype.is_float:
        return generator.standard_normal(shape).astype(type.dtype.numpy)
    if type.dtype.is_integer:
        return generator.integers(0, 4, shape).astype(type.dtype.numpy)
    return generator.integers(0, 2, shape).astype(np.bool_)


class SemanticsCheck:
    """The outputs of a module on random inputs, to compare a later form of the module with.

    MASK: the input that says which tokens are there, if a pass may leave out the padding.
    """

    def __init__(self, module: Module, seed: int = 0, mask: str | None = None) -> None:
        self.inputs = random_inputs(module, seed, mask=mask)
        self.outputs = _run(module, self.inputs)
        self.unit = unit_roundoff(module)

    def against(self, module: Module) -> str | None:
        """How MODULE's outputs differ, in words; None when they agree within the bound."""
        outputs = _run(module, self.inputs)
        if list(outputs) != list(self.outputs):
            return f"the outputs are {list(outputs)}, they were {list(self.outputs)}"
        unit = max(self.unit, unit_roundoff(module))
        loose = unit > self.unit
        tainted = rounded_outputs(module)
        for name, want in without_padding(module, self.outputs, self.inputs).items():
            if loose and name in tainted and want.dtype.kind in "iub":
                continue  # an integer computed from floats may change when these round differently
            problem = difference(outputs[name], want, unit * allowed_roundings(module))
            if problem is not None:
                return f"output '{name}' {problem}"
        return None


def _run(module: Module, inputs: Arrays) -> dict[str, Array]:
    with np.errstate(all="ignore"):
        return interpret(module, inputs)


def difference(have: Array, want: Array, bound: float) -> str | None:
    """How HAVE differs from WANT by more than BOUND times WANT's largest magnitude; None if it does not.

    Integers, shapes, types, NaNs and infinities must be equal.
    """
    if have.shape != want.shape or have.dtype != want.dtype:
        return f"is {have.dtype}{list(have.shape)} where {want.dtype}{list(want.shape)} is expected"
    if want.dtype.kind in "iub":
        wrong = have != want
        return f"has {int(wrong.sum())} different integers" if wrong.any() else None
    have, want = have.astype(np.float64), want.astype(np.float64)
    special = ~np.isfinite(want)
    if not np.array_equal(have[special], want[special], equal_nan=True):
        return "has other NaNs or infinities"
    scale = float(np.abs(want[~special]).max(initial=0.0))
    error = np.abs(np.where(special, 0.0, have) - np.where(special, 0.0, want))
    if not bool((error <= bound * scale).all()):  # NaN in HAVE alone fails this as well
        return f"is off by {float(error.max()):.3g}, {bound * scale:.3g} is allowed"
    return None


def float_types(module: Module) -> set[DType]:
    """The float element types of all values in MODULE, and the formats that its contractions multiply in."""
    values = [value for function in module.functions for value in function.arguments]
    values += [value for op in module.walk() for value in op.results]
    found = {value.type.dtype for value in values if value.type.dtype.is_float}
    return found | {op.attributes["multiply"] for op in module.walk() if op.attributes.get("multiply")}


def unit_roundoff(module: Module) -> float:
    """The unit roundoff of the coarsest float type in MODULE: half its spacing at 1; 0 without floats."""
    return max((2.0 ** -SIGNIFICAND_BITS[dtype.name] for dtype in float_types(module)), default=0.0)


def allowed_roundings(module: Module) -> float:
    """The error that an output of MODULE may have, in unit roundoffs of its largest element."""
    return ROUNDINGS + ROUNDINGS_PER_STEP * math.sqrt(float_depth(module))


def float_depth(module: Module) -> int:
    """The number of rounding operations on the longest path through MODULE; a kernel counts all its ops."""
    depth: dict[Value, int] = {}
    symbols = module.values_at("optimum")
    for function in module.functions:
        for op in function.block:
            own = _own_depth(op, symbols)
            above = max((depth.get(value, 0) for value in op.inputs), default=0)
            depth.update(dict.fromkeys(op.results, above + own))
    return max(depth.values(), default=0)


def _own_depth(op: Operation, symbols: Mapping[str, int]) -> int:
    """The rounding operations in OP; a loop whose iterations data counts is taken to have a few."""
    if not isinstance(op, ControlOp):
        return sum(_rounds(inner) for inner in op.walk())
    once = sum(_own_depth(inner, symbols) for region in op.regions for inner in region.block)
    if not isinstance(op, Loop):
        return once
    return once * (ITERATIONS if op.count is None else max(evaluate(op.count, symbols), 1))


def _rounds(op: Operation) -> bool:
    return not (op.regions or has(op, Trait.MOVEMENT) or has(op, Trait.CONSTANT) or has(op, Trait.TERMINATOR))


def rounded_outputs(module: Module) -> set[str]:
    """The names of the outputs that depend on a float input or constant."""
    function = module.main
    rounded = {value for value in function.arguments if value.type.dtype.is_float}
    for op in function.block:
        if any(value in rounded for value in op.inputs) or any(v.type.dtype.is_float for v in op.results):
            rounded.update(op.results)
    pairs = zip(function.outputs, function.returned, strict=True)
    return {name for name, value in pairs if value in rounded}
