"""Checks a run's inputs and outputs against the plan, and binds the symbols to input sizes and contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InputError, PlanError
from .contents import numbers_in
from .cuts import shown
from .device import Array, Session, Value
from .dlpack import CPU, CUDA, CUDA_HOST, CUDA_MANAGED, device_of, import_tensor, speaks_dlpack
from .dtypes import numpy_dtype
from .expressions import Expression, clip, evaluate
from .manifest import Manifest, SymbolSpec, TensorSpec
from .overlap import shared, writes_twice
from .program import BoundTensor
from .sizes import SizeBinding, said_of

CONSTANT = "an initializer of the model is an input of a plan that is built with inputs={name: shape}"
RANGES = 'the range is chosen when the plan is built: shapes={"N": (least, usual, most)}, --shape N=1,8,64'


class InputBinder:
    """Checks the inputs and outputs of runs of one plan on one device (DLPack type and ordinal)."""

    def __init__(self, manifest: Manifest, device: tuple[int, int]) -> None:
        self._manifest = manifest
        self._device = device
        self._bindings = manifest.bindings

    def inputs(self, given: Mapping[str, object], session: Session) -> tuple[list[Value], dict[str, int]]:
        """The inputs in the plan's order, and the value of every symbol. SESSION reads what inputs hold.

        Raises `InputError`, listing the wanted and the given tensors, for a wrong name, dtype, rank or size,
        a violated constraint, or a symbol outside its range.
        """
        wanted = self._manifest.inputs
        if not isinstance(given, Mapping):
            raise InputError(f"inputs must be a mapping from names to arrays, not {type(given).__name__}")
        if given.keys() != {tensor.name for tensor in wanted}:
            hint = CONSTANT if given.keys() > {tensor.name for tensor in wanted} else None
            raise self._mismatch("the inputs have the wrong names", given, hint)
        values = [self._value(tensor.name, given[tensor.name], session.stream) for tensor in wanted]
        for tensor, value in zip(wanted, values, strict=True):
            if not _has_dtype(value, tensor.dtype):
                raise self._mismatch(f"input {clip(tensor.name)} has the wrong type", given)
            if len(value.shape) != len(tensor.shape):
                raise self._mismatch(f"input {clip(tensor.name)} has the wrong number of dimensions", given)
        numbers = {
            tensor.name: self._numbers(tensor, session.fetch(value), given)
            for tensor, value in zip(wanted, values, strict=True)
            if tensor.name in self._manifest.sizes.contents
        }
        return values, self._symbols(values, numbers, given)

    def _numbers(self, tensor: TensorSpec, array: Array, given: Mapping[str, object]) -> list[int]:
        """The numbers that the input TENSOR holds. Raises `InputError` for a wrong shape or no numbers."""
        if array.shape != tensor.shape:
            raise self._mismatch(f"input {clip(tensor.name)} has the wrong shape", given)
        try:
            return numbers_in(array)
        except InputError as error:
            raise InputError(f"input {clip(tensor.name)}: {error.message}", error.hint) from None

    def outputs(
        self, tensors: Sequence[BoundTensor], given: Mapping[str, object] | None, stream: int | None
    ) -> list[Value | None]:
        """The caller's output tensors in the plan's order; None where the caller gave none.

        Raises `InputError` for an unknown name, or a tensor of another dtype or shape (elements) than the
        output, that is read-only, or whose elements overlap.
        """
        if given is None:
            return [None] * len(tensors)
        if not isinstance(given, Mapping):
            raise InputError(f"outputs must be a mapping from names to arrays, not {type(given).__name__}")
        results = shown([tensor.name for tensor in tensors], self._manifest.cuts)
        unknown = given.keys() - set(results)
        if unknown:
            names = ", ".join(map(clip, results))
            raise InputError(f"there is no output {clip(min(map(str, unknown)))}; the outputs are {names}")
        for cut in self._manifest.cuts:
            if cut.output in given:
                text = f"the size of the output {clip(cut.output)} depends on data"
                raise InputError(text, "take the tensor that is returned, instead of giving one")
        return [
            self._output(tensor, given[tensor.name], stream) if tensor.name in given else None
            for tensor in tensors
        ]

    def check_disjoint(self, inputs: Sequence[Value], outputs: Sequence[Value | None]) -> None:
        """Raise `InputError` for an output tensor that shares memory with an input or with another output.

        Kernels assume that their operands do not alias, and overlapping outputs would overwrite each other.
        """
        given = zip(self._manifest.outputs, outputs, strict=True)
        written = [(f"output {clip(tensor.name)}", value) for tensor, value in given if value is not None]
        if not written:
            return
        named = zip(self._manifest.inputs, inputs, strict=True)
        met = shared([(f"input {clip(tensor.name)}", value) for tensor, value in named], written)
        if met is not None:
            hint = "pass a copy, or memory of its own"
            raise InputError(f"the tensors given for {met[0]} and {met[1]} overlap in memory", hint)

    def _value(self, name: str, given: object, stream: int | None) -> Value:
        if isinstance(given, np.ndarray):
            return given
        if not speaks_dlpack(given):
            raise InputError(
                f"{clip(name)} is a {type(given).__name__}; a numpy array or a DLPack tensor is needed"
            )
        try:
            if not self._reachable(device_of(given)):
                raise InputError(f"it is on DLPack device {device_of(given)}, the engine on {self._device}")
            tensor = import_tensor(given, stream)
        except InputError as error:
            raise InputError(f"{clip(name)}: {error.message}") from error
        if not tensor.contiguous:
            raise InputError(f"{clip(name)} is not contiguous in memory", hint="pass a contiguous copy")
        return tensor

    def _reachable(self, device: tuple[int, int]) -> bool:
        """Whether this device can access memory there: host memory always, device memory only on the same
        device."""
        if device[0] in (CPU, CUDA_HOST):
            return True
        return self._device[0] == CUDA and device[0] in (CUDA, CUDA_MANAGED) and device[1] == self._device[1]

    def _output(self, tensor: BoundTensor, given: object, stream: int | None) -> Value:
        value = self._value(tensor.name, given, stream)
        if not _has_dtype(value, tensor.dtype) or tuple(value.shape) != tensor.shape:
            raise InputError(
                f"output {clip(tensor.name)} is {tensor.dtype}{list(tensor.shape)}; "
                f"the tensor given for it is {_describe(given)}"
            )
        if isinstance(value, np.ndarray) and not value.flags.writeable:
            raise InputError(f"the array given for output {clip(tensor.name)} is read-only")
        if writes_twice(value):
            raise InputError(f"elements of the array given for output {clip(tensor.name)} share memory")
        return value

    def _symbols(
        self, values: Sequence[Value], numbers: Mapping[str, Sequence[int]], given: Mapping[str, object]
    ) -> dict[str, int]:
        """The values of all symbols, from the shapes of VALUES and the NUMBERS that inputs hold. Raises
        `InputError` for a wrong size, number, constraint or range."""
        sizes, wanted = self._manifest.sizes, self._manifest.inputs

        def met(place: SizeBinding) -> int:
            at = numbers[wanted[place.input].name] if place.held else values[place.input].shape
            return at[place.axis]

        free = {
            each.symbol: (met(each) - each.offset) // each.factor
            for each in self._bindings
            if each.symbol not in sizes.derived
        }
        symbols = self._completed(free, given) if sizes.derived else free
        for tensor, value in zip(self._manifest.inputs, values, strict=True):
            for axis, (dim, size) in enumerate(zip(tensor.shape, value.shape, strict=True)):
                if dim != size and _size_of(dim, symbols) != size:
                    raise self._mismatch(self._wrong_size(tensor, axis, size), given)
        for name, found in numbers.items():
            for place, (dim, number) in enumerate(zip(sizes.contents[name], found, strict=True)):
                if dim != number and _size_of(dim, symbols) != number:
                    raise self._mismatch(self._wrong_number(name, place, number), given)
        broken = self._broken(symbols, given)
        if broken is not None:
            raise self._mismatch(broken, given)
        for name, span in self._manifest.symbols.items():
            if not span.minimum <= symbols[name] <= span.maximum:
                raise self._mismatch(self._out_of_range(name, symbols[name], span), given, RANGES)
        return {name: symbols[name] for name in self._manifest.symbols}

    def _completed(self, free: Mapping[str, int], given: Mapping[str, object]) -> dict[str, int]:
        """The values of all symbols, derived ones included. Raises `InputError` where a derived one is
        undefined."""
        try:
            return self._manifest.sizes.complete(free)
        except PlanError as error:
            for name, value in free.items():
                span = self._manifest.symbols.get(name)
                if span is not None and not span.minimum <= value <= span.maximum:
                    raise self._mismatch(self._out_of_range(name, value, span), given, RANGES) from None
            broken = self._manifest.sizes.broken_where_defined(free)
            raise self._mismatch(broken or error.message, given) from None

    def _broken(self, symbols: Mapping[str, int], given: Mapping[str, object]) -> str | None:
        try:
            return self._manifest.sizes.broken(symbols)
        except PlanError as error:
            raise self._mismatch(f"the plan cannot take these sizes: {error.message}", given) from None

    def _wrong_size(self, tensor: TensorSpec, axis: int, size: int) -> str:
        """The message for an input whose size does not match, with what determines the expected size."""
        text = f"input {clip(tensor.name)} has the wrong size in axis {axis}"
        found = self._manifest.sizes.determining(tensor.shape[axis])
        if found is None:
            return text
        name, reason = found
        why = f"{clip(name)} is {size}, but it must be {clip(reason.text)[1:-1]}"
        return f"{text}: {why}{said_of(reason.nodes)} ({reason.why})"

    def _wrong_number(self, name: str, place: int, number: int) -> str:
        """The message for an input that holds another number than is needed, with what determines that."""
        wanted = self._manifest.sizes.contents[name][place]
        text = f"input {clip(name)} holds {number}, but number {place} must be {_dimension(wanted)}"
        found = self._manifest.sizes.determining(wanted)
        return text if found is None else f"{text}{said_of(found[1].nodes)} ({found[1].why})"

    def _out_of_range(self, name: str, value: int, span: SymbolSpec) -> str:
        """The message for a symbol outside its range, in terms of the model's own dimension where it has
        one."""
        place = next((each for each in self._bindings if each.symbol == name), None)
        if place is None:
            return f"{clip(name)} is {value}, outside its range {span.minimum}..{span.maximum}"
        tensor = self._manifest.inputs[place.input]
        if place.held:
            index = place.axis if tensor.dtype[0] in "iu" else place.axis // 2
            shown = clip(f"{tensor.name}[{index}]")
            return f"{shown} is {value}, outside its range {span.minimum}..{span.maximum}"
        size = tensor.shape[place.axis]
        found = self._manifest.sizes.determining(size)
        shown = name if found is None else found[0]
        value, low, high = (
            number * place.factor + place.offset if found is not None else number
            for number in (value, span.minimum, span.maximum)
        )
        return f"{clip(shown)} is {value}, outside its range {low}..{high}"

    def _mismatch(self, reason: str, given: Mapping[str, object], hint: str | None = None) -> InputError:
        contents = self._manifest.sizes.contents
        wanted = "; ".join(
            describe_tensor(tensor) + describe_content(contents.get(tensor.name))
            for tensor in self._manifest.inputs
        )
        found = "; ".join(
            f"{clip(name)}: {_describe(value)}" + (_held(value) if name in contents else "")
            for name, value in given.items()
        )
        ranges = ", ".join(
            f"{clip(name)} in {span.minimum}..{span.maximum}"
            for name, span in self._manifest.symbols.items()
            if name not in self._manifest.sizes.derived
        )
        where = f" where {ranges}" if ranges else ""
        return InputError(
            f"{reason}\n  wanted: {wanted or 'nothing'}{where}\n  given:  {found or 'nothing'}", hint
        )


def describe_tensor(tensor: TensorSpec) -> str:
    """A tensor as text: ``'x': f32[N, 3, 224, 224]``."""
    return f"{clip(tensor.name)}: {tensor.dtype}[{', '.join(map(_dimension, tensor.shape))}]"


def describe_content(content: Sequence[Expression] | None) -> str:
    """What an input holds, after its description: `` = [s, 8]``; empty where that is not known."""
    return "" if content is None else f" = [{', '.join(map(_dimension, content))}]"


def _held(given: object) -> str:
    return f" = {given.reshape(-1).tolist()}" if isinstance(given, np.ndarray) else ""


def _dimension(dim: Expression) -> str:
    if isinstance(dim, (int, str)):
        return str(dim) if isinstance(dim, int) else clip(dim).strip("'")
    operands = list(map(_dimension, dim[1:]))
    return str(dim[0]).join(operands) if dim[0] in ("+", "-", "*") else f"{dim[0]}({', '.join(operands)})"


def _size_of(dim: Expression, symbols: Mapping[str, int]) -> int:
    try:
        return evaluate(dim, symbols)
    except PlanError as error:
        raise InputError(f"the plan cannot take these sizes: {error.message}") from error


def _has_dtype(value: Value, name: str) -> bool:
    if isinstance(value, np.ndarray):
        return bool(value.dtype == numpy_dtype(name))
    return value.dtype == name


def _describe(given: object) -> str:
    if isinstance(given, np.ndarray):
        return f"{given.dtype}{list(given.shape)}"
    try:
        return f"{given.dtype}{list(given.shape)}"  # type: ignore[attr-defined]
    except Exception:  # whatever another library's tensor raises
        return type(given).__name__


def on_device(value: Value) -> bool:
    """Whether a value is in device memory, not in host memory."""
    return not isinstance(value, np.ndarray) and not value.in_host_memory


def as_array(value: Value) -> Array | None:
    """The value as a numpy array; None if it is not in host memory."""
    if isinstance(value, np.ndarray):
        return value
    return value.numpy() if value.in_host_memory else None


def host_array(value: Value) -> Array:
    """The value as a numpy array. The caller knows that it is in host memory."""
    return value if isinstance(value, np.ndarray) else value.numpy()
