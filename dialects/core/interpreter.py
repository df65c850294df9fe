"""The interpreter: executes any level in numpy. It defines a module's meaning, independently of kernels."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np

from ...errors import InputError
from ...runtime.contents import numbers_in
from ...runtime.cuts import true_results
from .affine import Dim
from .affine_traversal import evaluate, linear_symbol
from .constraints import broken, known_where_defined, with_derived
from .contents import is_list
from .defaults import completed
from .diagnostics import op_error
from .ir import Block, Operation, Region, Value
from .module import Function, Module
from .types import TensorType

Array = np.ndarray[Any, Any]

# The exceptions that numpy and the size algebra raise if inputs do not fit an op.
SLIPS = (ArithmeticError, LookupError, MemoryError, TypeError, ValueError)


class Evaluation:
    """The state for evaluating an op: values of symbols, weights, its regions."""

    def __init__(self, module: Module, symbols: Mapping[str, int]) -> None:
        self.module = module
        self.symbols = symbols
        self.state: dict[str, Any] = {}  # for levels with memory: the arena
        self._visible: Mapping[Value, Array] = {}  # what the op that is evaluated sees

    def dim(self, dim: Dim) -> int:
        return evaluate(dim, self.symbols)

    def shape(self, type: TensorType) -> tuple[int, ...]:
        return tuple(self.dim(size) for size in type.shape)

    def resource(self, name: str) -> Array:
        return self.module.resources[name]

    def executed(self, op: Operation, arguments: Sequence[Any], results: Sequence[Array]) -> None:
        """A hook, called after every operation, for subclasses that observe intermediate values."""

    def run_region(self, region: Region, inputs: Sequence[Array]) -> tuple[Array, ...]:
        return run_block(region.block, inputs, self)

    def run_open(self, region: Region) -> None:
        """Run REGION of the op under evaluation, which sees the values around it."""
        run_block(region.block, (), self, self._visible)

    @contextmanager
    def seeing(self, values: Mapping[Value, Array]) -> Iterator[None]:
        """A context in which an op is evaluated whose regions may see the outer VALUES."""
        outer, self._visible = self._visible, values
        try:
            yield
        finally:
            self._visible = outer


def interpret(module: Module, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Run the main function on INPUTS, by name, of which those with a default may be left out; returns the
    outputs by name, cut to their true sizes.

    Raises InputError for wrong inputs, IRError for an op that cannot be evaluated on them.
    """
    function = module.main
    given = completed(module, inputs)
    arrays = [_named(given, name) for name in function.inputs]
    symbols = bind_symbols(function, arrays)
    results = run_block(function.block, arrays, Evaluation(module, symbols))
    named = named_results(function, results)
    shaped = {name: named[name].reshape(np.shape(inputs[of])) for name, of in module.unranked.items()}
    return named | shaped


def named_results(function: Function, results: Sequence[Array]) -> dict[str, Array]:
    """The outputs of FUNCTION by name, cut to their true sizes, from the returned values RESULTS."""
    named = dict(zip(function.outputs, results, strict=True))
    return true_results(named, function.module.cuts if function.module is not None else [])


def _named(inputs: Mapping[str, Array], name: str) -> Array:
    if name not in inputs:
        raise InputError(f"the input '{name}' is missing", f"given: {', '.join(inputs) or 'none'}")
    return np.asarray(inputs[name])


def bind_symbols(function: Function, arrays: Sequence[Array]) -> dict[str, int]:
    """The values of the symbols in the dimensions and contents of inputs. Raises InputError for a
    contradiction."""
    module = function.module or Module()
    symbols: dict[str, int] = {}
    met = [*_dimensions(function, arrays), *_numbers(function, module, arrays)]
    for _, dim, size in met:
        found = linear_symbol(dim)
        if found is not None and found[0] not in module.derived:
            symbols.setdefault(found[0], (size - found[2]) // found[1])
    try:
        symbols = with_derived(module.derived, symbols)
        for what, dim, size in met:
            if evaluate(dim, symbols) != size:
                raise InputError(f"{what} {size} where {dim} is expected")
        _check_constraints(module, symbols)
    except ZeroDivisionError:
        _check_ranges(module, symbols)
        _check_constraints(module, known_where_defined(module.derived, symbols))
        raise InputError(f"a size is divided by 0 with {symbols}") from None
    _check_ranges(module, symbols)
    return symbols


def _check_constraints(module: Module, symbols: Mapping[str, int]) -> None:
    """Raise InputError for a constraint that SYMBOLS violate, of those whose symbols have values."""
    wrong = broken([each for each in module.constraints if each.symbols <= symbols.keys()], symbols)
    if wrong is not None:
        values = ", ".join(f"{name} = {symbols[name]}" for name in sorted(wrong.symbols))
        raise InputError(f"{values}, where {wrong} is needed: {wrong.why}")


def _check_ranges(module: Module, symbols: Mapping[str, int]) -> None:
    """Raise InputError for a symbol outside its range, since passes rely on the ranges."""
    for name, known in module.symbols.items():
        value = symbols.get(name, known.minimum)
        if not known.minimum <= value <= known.maximum:
            raise InputError(f"{name} = {value} is outside its range {known.minimum} to {known.maximum}")


def _dimensions(function: Function, arrays: Sequence[Array]) -> Iterator[tuple[str, Dim, int]]:
    """For every dimension: a description, the size in the type and the size of the array.

    Raises InputError for a wrong rank.
    """
    for name, value, array in zip(function.inputs, function.arguments, arrays, strict=True):
        if array.ndim != value.type.rank:
            raise InputError(f"input '{name}' has {array.ndim} dimensions, {value.type.rank} are expected")
        for size, dim in zip(array.shape, value.type.shape, strict=True):
            yield f"input '{name}' has a dimension", dim, size


def _numbers(function: Function, module: Module, arrays: Sequence[Array]) -> Iterator[tuple[str, Dim, int]]:
    """For every element of an input with a known content: a description, the content and the number."""
    for name, content in module.contents.items():
        try:
            found = numbers_in(arrays[function.inputs.index(name)])
        except InputError as error:
            raise InputError(f"input '{name}': {error.message}", error.hint) from None
        if is_list(function.arguments[function.inputs.index(name)].type):
            found += [0] * (len(content) - len(found))
        if len(found) != len(content):
            raise InputError(f"input '{name}' holds {len(found)} numbers, {len(content)} are expected")
        for dim, number in zip(content, found, strict=True):
            yield f"input '{name}' holds", dim, number


@np.errstate(all="ignore")
def run_block(
    block: Block,
    inputs: Sequence[Array],
    evaluation: Evaluation,
    around: Mapping[Value, Array] = MappingProxyType({}),
    only: Container[Operation] | None = None,
) -> tuple[Array, ...]:
    """Run the block's operations; returns the operands of the terminator. AROUND are outer values that it
    sees. With ONLY, which has what its ops read, no others are run, and nothing is returned."""
    own = dict(zip(block.arguments, inputs, strict=True))
    values: dict[Value, Array] = {**around, **own}
    remaining = {value: len(value.uses) for value in own}
    for op in block:
        if op.next is None:
            return tuple(values[value] for value in op.inputs) if only is None else ()
        if only is not None and op not in only:
            continue
        for value, array in zip(op.results, _run(op, values, evaluation), strict=True):
            values[value] = array
            remaining[value] = len(value.uses)
        _release(op, values, remaining)
    raise ValueError("an empty block cannot run")


def _run(op: Operation, values: Mapping[Value, Array], evaluation: Evaluation) -> tuple[Array, ...]:
    arguments = [None if value is None else values[value] for value in op.operands]
    try:
        with evaluation.seeing(values):
            checked = _evaluated(op, arguments, evaluation)
    except SLIPS as error:
        reason = f"{type(error).__name__}: {error}"
        raise op_error(op, f"cannot be evaluated on these inputs ({reason})") from error
    evaluation.executed(op, arguments, checked)
    return checked


def _evaluated(op: Operation, arguments: Sequence[Array | None], evaluation: Evaluation) -> tuple[Array, ...]:
    outcome = op.evaluate(evaluation, *arguments)
    arrays = outcome if isinstance(outcome, tuple) else (outcome,)
    return tuple(
        _checked(op, value, array, evaluation) for value, array in zip(op.results, arrays, strict=True)
    )


def _checked(op: Operation, value: Value, array: Any, evaluation: Evaluation) -> Array:
    """ARRAY converted to the dtype of VALUE's type (this is where storage rounding happens). Raises IRError
    for another shape."""
    shape = evaluation.shape(value.type)
    result = np.asarray(array)
    if result.shape != shape:
        raise op_error(op, f"evaluates to shape {result.shape} where its type says {shape}")
    return result.astype(value.type.dtype.numpy, copy=False)


def _release(op: Operation, values: dict[Value, Array], remaining: dict[Value, int]) -> None:
    for value in op.inputs:
        if value in remaining:
            remaining[value] -= 1
            if remaining[value] <= 0:
                values.pop(value, None)
