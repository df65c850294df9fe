"""Calibration sets: batches of inputs from memory or from files, and the checks of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.defaults import completed
from ...dialects.core.interpreter import bind_symbols
from ...dialects.core.ir import Value
from ...dialects.core.module import Function, Module
from ...errors import InputError
from ..files.arrays import Array, read_array, read_arrays
from ..files.regular import open_regular

Batch = Mapping[str, Any]
KINDS = (".npy", ".npz")
ARRAYS = (b"PK", b"\x93NUMPY")  # the first bytes of .npz and .npy files
TABLES = "pass a calibration table as `calibration`; batches come from an .npz file or a folder"
WANTED = 'pass a mapping such as {"x": x}, with an array for every input'


@runtime_checkable
class HasBatches(Protocol):
    """An object that provides its batches by a method."""

    def batches(self) -> Iterable[Batch]: ...


Batches: TypeAlias = str | os.PathLike[str] | Iterable[Batch] | HasBatches


@dataclass(frozen=True)
class CalibrationSet:
    """The batches that a caller gave, not yet checked.

    count: the number of batches, None where it is not known in advance; unused: arrays of a file that are not
    inputs; left_out: the number of elements along the first axis that do not fill a batch of a fixed size.
    """

    batches: Iterable[Any]
    count: int | None = None
    unused: tuple[str, ...] = ()
    left_out: int = 0


def open_set(data: Batches, module: Module) -> CalibrationSet:
    """The calibration set in DATA, or in the file or folder at the path DATA, for MODULE's main function.

    The arrays of an .npz file are split along their first axis into batches of the model's size (the optimum
    of a symbolic size). In a folder every .npy or .npz file is a batch, in the order of their names. Raises
    InputError for data of another kind, and for files that cannot be read or split.
    """
    if isinstance(data, (str, os.PathLike)):
        path = Path(data)
        return _folder(path, module.main) if path.is_dir() else _split(path, module)
    if isinstance(data, Mapping):
        raise InputError("the calibration set is a single batch, not a list of batches", "pass it in a list")
    batches = data.batches() if isinstance(data, HasBatches) else data
    if not isinstance(batches, Iterable):
        hint = "pass a list of mappings from input name to array, an object with batches(), or a path"
        raise InputError(f"the calibration set must be a list of batches, not {type(data).__name__}", hint)
    return CalibrationSet(batches, len(batches) if isinstance(batches, Sized) else None)


def is_no_arrays(path: Path) -> bool:
    """Whether the file at PATH holds no arrays (a calibration table, say): by its suffix or first bytes."""
    if path.suffix in KINDS or not path.is_file():
        return False
    try:
        with open_regular(path) as file:
            return not file.read(max(map(len, ARRAYS))).startswith(ARRAYS)
    except OSError:
        return False  # reported when the file is read


# ---------------------------------------------------------------- files


def _folder(path: Path, function: Function) -> CalibrationSet:
    try:
        files = sorted(file for file in path.iterdir() if file.suffix in KINDS and file.is_file())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    if not files:
        raise InputError(f"{path} has no .npy or .npz file", "each such file is a batch")
    return CalibrationSet((_batch_of(file, function) for file in files), len(files))


def _batch_of(file: Path, function: Function) -> Batch:
    if file.suffix == ".npz":
        return read_arrays(file)
    if len(function.inputs) != 1:
        names = ", ".join(function.inputs)
        raise InputError(f"{file.name} is a single array; the model has the inputs {names}", "use .npz files")
    return {function.inputs[0]: read_array(file)}


def _split(path: Path, module: Module) -> CalibrationSet:
    """The set in the .npz file at PATH, whose arrays are split along their first axis."""
    if is_no_arrays(path):
        raise InputError(f"{path.name} is not a file of arrays", TABLES)
    arrays = read_arrays(path)
    function = module.main
    unused = tuple(name for name in arrays if name not in function.inputs)
    sizes = module.values_at("optimum")
    found = [
        _BatchCut.of(name, value, arrays[name], sizes) for name, value in _present(function, arrays, path)
    ]
    count = max((cut.pieces for cut in found if cut.step), default=1)
    if count == 0:
        raise InputError(f"{path.name} does not fill a batch", "; ".join(cut.described for cut in found))
    cuts = [cut.fitting(count) for cut in found]
    batches = ({cut.name: cut.part(number) for cut in cuts} for number in range(count))
    left_out = max((cut.array.shape[0] - count * cut.step for cut in cuts if cut.fixed), default=0)
    return CalibrationSet(batches, count, unused, left_out)


def _present(function: Function, arrays: Mapping[str, Array], where: Path) -> Iterator[tuple[str, Value]]:
    """The inputs of FUNCTION in ARRAYS, with their names. Raises InputError for one that ARRAYS, from WHERE,
    lack and that has no default."""
    defaults = function.module.defaults if function.module is not None else {}
    for name, value in zip(function.inputs, function.arguments, strict=True):
        if name in defaults and name not in arrays:
            continue
        if name not in arrays:
            names = ", ".join(arrays) or "nothing"
            raise InputError(f"{where.name} has no array for the input '{name}'", f"it holds {names}")
        yield name, value


@dataclass(frozen=True)
class _BatchCut:
    """An array, split into pieces of `step` elements along its first axis; 0: every batch has all of it.

    fixed: all pieces must have that size; otherwise, for a symbolic size, the last may be smaller.
    """

    name: str
    array: Array
    step: int
    fixed: bool

    @staticmethod
    def of(name: str, value: Value, array: Array, sizes: Mapping[str, int]) -> _BatchCut:
        if not value.type.rank:
            return _BatchCut(name, array, 0, False)
        if not array.ndim:
            raise InputError(f"input '{name}' is a single number; {value.type} is expected")
        size = value.type.shape[0]
        step = evaluate(size, sizes)
        return _BatchCut(name, array, step, isinstance(size, int) and step > 0)

    @property
    def pieces(self) -> int:
        """The number of pieces; a rest that does not fill a piece of fixed size does not count."""
        size: int = self.array.shape[0]
        return size // self.step if self.fixed else -(-size // self.step)

    def fitting(self, count: int) -> _BatchCut:
        """This cut, if it has COUNT pieces. An array that is exactly one batch is used for all of them.

        Raises InputError for any other number of pieces.
        """
        if not self.step or self.pieces == count:
            return self
        if self.fixed and self.array.shape[0] == self.step:
            return replace(self, step=0, fixed=False)
        raise InputError(f"{self.described}: {self.pieces} batches, but another input has {count}")

    @property
    def described(self) -> str:
        """The sizes of the array and of a batch, for messages."""
        have = self.array.shape[0] if self.array.ndim else 0
        return f"input '{self.name}' has {have} elements along its first axis, a batch takes {self.step}"

    def part(self, number: int) -> Array:
        """Piece NUMBER."""
        return self.array[number * self.step : (number + 1) * self.step] if self.step else self.array


# ---------------------------------------------------------------- checks


def checked_batches(data: CalibrationSet, limit: int | None, module: Module) -> Iterator[dict[str, Array]]:
    """The first LIMIT batches of DATA (None: all), each checked by `checked_batch` when it is reached.

    Raises InputError when there is none.
    """
    number = 0
    for number, batch in enumerate(islice(data.batches, limit), start=1):
        yield checked_batch(batch, number, module)
    if not number:
        raise InputError("the calibration set has no batches", "give at least one")


def checked_batch(batch: Any, number: int, module: Module) -> dict[str, Array]:
    """The input arrays in BATCH, or their defaults, by name in the model's order; other arrays in it are
    ignored.

    NUMBER is its number, from 1, for messages. Raises InputError, naming the input, for one that is missing,
    has another type or shape, or has NaNs or infinities.
    """
    if not isinstance(batch, Mapping):
        raise InputError(f"batch {number} is not a mapping to arrays but {type(batch).__name__}", WANTED)
    function, given = module.main, completed(module, batch)
    arrays = {}
    for name, value in zip(function.inputs, function.arguments, strict=True):
        if name not in given:
            names = ", ".join(map(str, batch)) or "nothing"
            raise InputError(f"batch {number} has no array for the input '{name}'", f"it holds {names}")
        arrays[name] = _checked_array(f"batch {number}: input '{name}'", given[name], value)
    try:
        symbols = bind_symbols(function, list(arrays.values()))
    except InputError as error:
        raise InputError(f"batch {number}: {error.message}", error.hint) from None
    for name, size in symbols.items():
        span = module.symbols[name]
        if not span.minimum <= size <= span.maximum:
            hint = f'give shapes={{"{name}": (1, {size}, {size})}}, or --shape {name}=1,{size},{size}'
            if size < 1:
                hint = "remove batches without elements from the calibration set"
            raise InputError(
                f"batch {number}: {name} is {size}, outside its range {span.minimum} to {span.maximum}", hint
            )
    return arrays


def _checked_array(what: str, given: object, value: Value) -> Array:
    if given is None or isinstance(given, (str, bytes, Mapping)):
        raise InputError(f"{what} is {type(given).__name__}, not an array")
    try:
        array = np.asarray(given)
    except (ValueError, TypeError) as error:
        raise InputError(f"{what} is not an array: {error}") from None
    dtype = np.dtype(value.type.dtype.numpy)
    if array.dtype.kind == "V" and array.dtype.itemsize == dtype.itemsize:
        array = array.view(dtype)  # types that numpy lacks come back from a file as raw bytes
    if array.dtype != dtype:
        raise InputError(f"{what} has elements of {array.dtype}; {dtype} is expected", f"astype('{dtype}')")
    fits = array.ndim == value.type.rank and all(
        not isinstance(dim, int) or dim == size
        for dim, size in zip(value.type.shape, array.shape, strict=False)
    )
    if not fits:
        raise InputError(f"{what} has the shape {list(array.shape)}; {value.type} is expected")
    if value.type.dtype.is_float and not np.isfinite(array).all():
        odd = "NaN" if np.isnan(array).any() else "infinity"
        raise InputError(f"{what} holds {odd}", "remove values that are not finite from the calibration set")
    return np.ascontiguousarray(array).reshape(array.shape)
