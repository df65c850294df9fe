"""The input arrays of a run: random ones, or arrays from a file checked against the expected types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ...dialects.core import affine_traversal
from ...dialects.core.constraints import with_derived
from ...dialects.core.dtypes import DTYPES, DType
from ...dialects.core.module import Function, Module
from ...errors import InputError
from ...runtime.expressions import evaluate
from ...runtime.manifest import Manifest
from ...runtime.plan import Plan
from ...runtime.unpadded import hidden, random_mask
from .arrays import Array, read_arrays
from .position_sizes import of_plan_text, position_sizes

T = TypeVar("T")


@dataclass(frozen=True)
class ExpectedInput:
    """An expected input: its shape at given values of the symbols, and whether that shape may vary.

    Also whether it may be left out and, if sizes depend on its content, its content at these values. below:
    how many positions there are if it holds positions in an axis, such as ids of tokens.
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    varies: bool
    optional: bool = False
    content: tuple[int, ...] | None = None
    below: int | None = None


def of_plan(plan: Plan, symbols: Mapping[str, int]) -> list[ExpectedInput]:
    """The inputs of PLAN."""
    manifest = plan.spec
    contents, below = manifest.sizes.contents, of_plan_text(plan, symbols)
    return [
        ExpectedInput(
            tensor.name,
            DTYPES[tensor.dtype],
            tuple(evaluate(dim, symbols) for dim in tensor.shape),
            not all(isinstance(dim, int) for dim in tensor.shape),
            tensor.name in manifest.defaults,
            _evaluated(contents.get(tensor.name), lambda dim: evaluate(dim, symbols)),
            below.get(tensor.name),
        )
        for tensor in manifest.asked
    ]


def of_function(function: Function, symbols: Mapping[str, int]) -> list[ExpectedInput]:
    """The inputs of a function."""
    module = function.module or Module()
    computed, below = hidden(module.mask), position_sizes(function, symbols)
    return [
        ExpectedInput(
            name,
            value.type.dtype,
            tuple(affine_traversal.evaluate(dim, symbols) for dim in value.type.shape),
            not all(isinstance(dim, int) for dim in value.type.shape),
            name in module.defaults,
            _evaluated(module.contents.get(name), lambda dim: affine_traversal.evaluate(dim, symbols)),
            below.get(name),
        )
        for name, value in zip(function.inputs, function.arguments, strict=True)
        if name not in computed
    ]


def _evaluated(content: Sequence[T] | None, evaluate: Callable[[T], int]) -> tuple[int, ...] | None:
    return None if content is None else tuple(map(evaluate, content))


def symbols_of(source: Manifest | Module, sizes: Mapping[str, int]) -> dict[str, int]:
    """The value of every symbol: that in SIZES, else its optimum.

    Raises InputError for a symbol that does not exist or a value outside its range.
    """
    derived = source.derived if isinstance(source, Module) else source.sizes.derived
    free = {name: known for name, known in source.symbols.items() if name not in derived}
    for name, value in sizes.items():
        known = free.get(name)
        if known is None:
            there_are = ", ".join(free) or "none"
            raise InputError(f"there is no symbolic dimension {name}", f"symbolic dimensions: {there_are}")
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise InputError(f"{name} is a number, not {value!r}")
        if not known.minimum <= value <= known.maximum:
            raise InputError(f"{name} = {value} is outside its range {known.minimum} to {known.maximum}")
    values = {name: sizes.get(name, known.optimum) for name, known in free.items()}
    if isinstance(source, Module):
        return with_derived(source.derived, values)
    return source.sizes.complete(values)


def random_arrays(wanted: Sequence[ExpectedInput], seed: int, mask: str | None = None) -> dict[str, Array]:
    """Random inputs: standard normal floats, booleans, integers in 0..3, but positions anywhere in their
    axis; contents that sizes depend on are as expected, and MASK, of the tokens that are there, is of
    sequences of random lengths.

    SEED and shapes determine them.
    """
    if seed < 0:
        raise InputError(f"a seed is a number from 0 on, not {seed}")
    generator = np.random.default_rng(seed)
    return {
        tensor.name: random_mask(tensor.shape, np.dtype(tensor.dtype.numpy), generator)
        if tensor.name == mask
        else _random(generator, tensor)
        for tensor in wanted
    }


def _random(generator: np.random.Generator, tensor: ExpectedInput) -> Array:
    if tensor.content is not None:
        return _holding(tensor, tensor.content)
    if tensor.dtype.is_float:
        return generator.standard_normal(tensor.shape).astype(tensor.dtype.numpy)
    usual = 4 if tensor.dtype.is_integer else 2
    limit = usual if tensor.below is None else max(1, min(tensor.below, int(tensor.dtype.limits[1]) + 1))
    return generator.integers(0, limit, tensor.shape).astype(tensor.dtype.numpy)


def _holding(tensor: ExpectedInput, content: Sequence[int]) -> Array:
    """The input TENSOR with the numbers CONTENT; a floating-point element takes two."""
    numbers = np.array(content, np.int64)
    if tensor.dtype.is_float:
        return (numbers[::2] / numbers[1::2]).astype(tensor.dtype.numpy).reshape(tensor.shape)
    least, most = tensor.dtype.limits
    numbers = numbers.clip(int(least), min(int(most), np.iinfo(np.int64).max))
    return numbers.astype(tensor.dtype.numpy).reshape(tensor.shape)


def load_inputs(
    path: Path, wanted: Sequence[ExpectedInput], note: Callable[[str], object]
) -> dict[str, Array]:
    """The WANTED inputs from the .npz file at PATH, without optional ones that it lacks. Other arrays in it
    are ignored, which NOTE is told.

    Raises InputError for an input that is missing though it is needed, or has another type or shape.
    """
    found = read_arrays(path)
    extra = found.keys() - {tensor.name for tensor in wanted}
    if extra:
        note(f"not an input, ignored: {', '.join(sorted(extra))}")
    return fitting(found, wanted, path.name)


def fitting(found: Mapping[str, Array], wanted: Sequence[ExpectedInput], source: str) -> dict[str, Array]:
    """The WANTED inputs among the arrays FOUND in SOURCE, without optional ones that it lacks.

    Raises InputError for an input that is missing though it is needed, or has another type or shape.
    """
    odd = next((name for name, each in found.items() if not isinstance(each, np.ndarray)), None)
    if odd is not None:
        raise InputError(f"{odd!r} in {source} is an array, not {type(found[odd]).__name__}")
    missing = [tensor.name for tensor in wanted if tensor.name not in found and not tensor.optional]
    if missing:
        names = ", ".join(map(str, found)) or "nothing"
        raise InputError(f"{source} has no array for the input '{missing[0]}'", f"it holds {names}")
    return {each.name: _fitting(found[each.name], each) for each in wanted if each.name in found}


def _fitting(array: Array, tensor: ExpectedInput) -> Array:
    """ARRAY, checked against TENSOR. Types that numpy lacks, such as bfloat16, are read back as raw bytes."""
    dtype = np.dtype(tensor.dtype.numpy)
    if array.dtype.kind == "V" and array.dtype.itemsize == dtype.itemsize:
        array = array.view(dtype)
    rank_fits = array.ndim == len(tensor.shape)
    if array.dtype != dtype or not rank_fits or not (tensor.varies or array.shape == tensor.shape):
        have, want = f"{array.dtype}{list(array.shape)}", f"{dtype}{list(tensor.shape)}"
        varying = ", where symbolic sizes may differ" if tensor.varies else ""
        raise InputError(f"input '{tensor.name}' is {have}; {want} is expected{varying}")
    return np.ascontiguousarray(array).reshape(array.shape)
