"""Checks a run's inputs and outputs against the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import InputError
from .contents import numbers_in
from .cuts import shown
from .device import Array, Session, Value
from .expressions import clip
from .manifest import Manifest, TensorSpec
from .mismatch import mismatch
from .overlap import shared
from .program import BoundTensor
from .symbols import SymbolBinder
from .tensors import has_dtype, taken, taken_output

CONSTANT = "an initializer of the model is an input of a plan that is built with inputs={name: shape}"


class InputBinder:
    """Checks the inputs and outputs of runs of one plan on one device (DLPack type and ordinal)."""

    def __init__(self, manifest: Manifest, device: tuple[int, int]) -> None:
        self._manifest = manifest
        self._device = device
        self._symbols = SymbolBinder(manifest)

    def inputs(self, given: Mapping[str, object], session: Session) -> tuple[list[Value], dict[str, int]]:
        """The inputs in the plan's order, and the value of every symbol. SESSION reads inputs in device
        memory.

        Raises `InputError`, listing the wanted and the given tensors, for a wrong name, dtype, rank or size,
        a violated constraint, or a symbol outside its range.
        """
        wanted = self._manifest.inputs
        if not isinstance(given, Mapping):
            raise InputError(f"inputs must be a mapping from names to arrays, not {type(given).__name__}")
        if given.keys() != {tensor.name for tensor in wanted}:
            hint = CONSTANT if given.keys() > {tensor.name for tensor in wanted} else None
            raise mismatch(self._manifest, "the inputs have the wrong names", given, hint)
        values = [taken(tensor.name, given[tensor.name], session.stream, self._device) for tensor in wanted]
        for tensor, value in zip(wanted, values, strict=True):
            if not has_dtype(value, tensor.dtype):
                raise mismatch(self._manifest, f"input {clip(tensor.name)} has the wrong type", given)
            if len(value.shape) != len(tensor.shape):
                raise mismatch(
                    self._manifest, f"input {clip(tensor.name)} has the wrong number of dimensions", given
                )
        numbers = {
            tensor.name: self._numbers(tensor, session.fetch(value), given)
            for tensor, value in zip(wanted, values, strict=True)
            if tensor.name in self._manifest.sizes.contents
        }
        return values, self._symbols.bind(values, numbers, given)

    def _numbers(self, tensor: TensorSpec, array: Array, given: Mapping[str, object]) -> list[int]:
        """The values of the input TENSOR that sizes depend on. Raises `InputError` for a wrong shape or
        invalid values."""
        if array.shape != tensor.shape:
            raise mismatch(self._manifest, f"input {clip(tensor.name)} has the wrong shape", given)
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
            taken_output(tensor, given[tensor.name], stream, self._device) if tensor.name in given else None
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
