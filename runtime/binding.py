"""Checks a run's inputs and outputs against the plan."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence, Sized
from typing import NamedTuple

from ..errors import InputError
from .contents import numbers_in
from .cuts import shown
from .device import Array, Session, Value
from .dtypes import numpy_dtype
from .expressions import clip
from .input_slots import InputSlots
from .manifest import TensorSpec
from .mismatch import mismatch
from .overlap import shared
from .plan import Plan
from .program import BoundTensor
from .symbols import SymbolBinder
from .tensors import check_in_place, has_dtype, taken, taken_output
from .unpadded import hidden, mask_of, rows_of
from .unranked import Shapes, flat

NO_SHAPES: Shapes = {}
RETURNED = "take the tensor that is returned, instead of giving one"
MAX_COMPARED = 100  # characters of a name that is compared with others, which takes quadratic time
CONSTANT = "; if it is an initializer of the model, the build has to make it an input: inputs={{{}: shape}}"


class RunInputs(NamedTuple):
    """The inputs of a run in the plan's order, the numbers that sizes depend on, by input, what was `given`,
    and the shapes of inputs of any rank, whose values are lists."""

    values: list[Value]
    numbers: Mapping[str, list[int]]
    given: Mapping[str, object]
    shapes: Shapes

    @property
    def signature(self) -> object:
        """Everything that the sizes of a run depend on: runs with equal signatures run one program."""
        shapes = tuple([(value.dtype, value.shape) for value in self.values])
        return (shapes, *map(tuple, self.numbers.values())) if self.numbers else shapes


class InputBinder:
    """Checks the inputs and outputs of runs of PLAN on one device (DLPack type and ordinal)."""

    def __init__(self, plan: Plan, device: tuple[int, int]) -> None:
        self._plan = plan
        self._manifest = manifest = plan.spec
        self._device = device
        self._symbols = SymbolBinder(manifest)
        self._names = [tensor.name for tensor in manifest.inputs]
        self._name_set = frozenset(self._names)
        self._results = dict.fromkeys(shown([tensor.name for tensor in manifest.outputs], manifest.cuts))
        self._inputs = [f"input {clip(tensor.name)}" for tensor in manifest.inputs]
        self._outputs = [f"output {clip(tensor.name)}" for tensor in manifest.outputs]
        self._unranked = [self._names.index(name) for name in dict.fromkeys(manifest.unranked.values())]
        self._read = [
            (index, tensor)
            for index, tensor in enumerate(manifest.inputs)
            if tensor.name in manifest.sizes.contents
        ]

    def inputs(
        self, given: Mapping[str, object], session: Session, slots: InputSlots | None = None
    ) -> RunInputs:
        """The inputs in the plan's order, to be held as long as they are used: GIVEN itself, if it is taken
        by SLOTS, or else what is returned. SESSION reads what inputs hold where sizes depend on that. An
        input with a default may be left out.

        Raises `InputError`, listing the wanted and the given tensors, for a wrong name, or for what is no
        tensor.
        """
        if type(given) is not dict and not isinstance(given, Mapping):
            raise InputError(f"inputs must be a mapping from names to arrays, not {type(given).__name__}")
        every = self._defaults(given) | dict(given) if self._manifest.defaults else given
        if self._manifest.unpadded is not None:
            every = self._with_rows(every, self._manifest.unpadded, session)
        if every.keys() != self._name_set:
            hint = self._about_unknown([name for name in given if name not in self._name_set], given)
            raise mismatch(self._manifest, "the inputs have the wrong names", given, hint)
        if slots is not None:
            values = slots.taken(every, session.stream)
        else:
            values = [
                taken(name, every[name], session.stream, self._device, kept=True) for name in self._names
            ]
        shapes = self._flattened(values, slots is None) if self._unranked else NO_SHAPES
        numbers: dict[str, list[int]] = {}
        if self._read:
            self._check_types(values, given)
            for index, tensor in self._read:
                numbers[tensor.name] = self._numbers(tensor, session.fetch(values[index]), given)
        return RunInputs(values, numbers, given, shapes)

    def with_lengths(self, given: Mapping[str, object], lengths: object) -> dict[str, object]:
        """The inputs GIVEN with the mask of sequences of LENGTHS, which are padded in the other inputs.

        Raises `InputError` for a plan that has padding, a mask that is given, too, or lengths that are none.
        """
        name = self._manifest.unpadded
        if name is None:
            raise InputError(
                "lengths are for plans without padding", "build one with unpadded='attention_mask'"
            )
        if name in given:
            raise InputError(f"both lengths and the mask {clip(name)} are given", "give one of them")
        mask = next(tensor for tensor in self._manifest.inputs if tensor.name == name)
        alike = (each for each in self._manifest.asked if each.shape[:2] == mask.shape and each.name in given)
        padded = next(alike, None)
        if padded is None:
            raise InputError("no input of sequences and tokens is given beside lengths", f"give {clip(name)}")
        shape = taken(padded.name, given[padded.name], None, self._device).shape
        if isinstance(lengths, Sized) and shape and len(lengths) != shape[0]:
            text = f"{len(lengths)} lengths are given for the {shape[0]} sequences of {clip(padded.name)}"
            raise InputError(text, "give one for each")
        made = mask_of(lengths, shape[1] if len(shape) > 1 else 0, numpy_dtype(mask.dtype))
        return {**given, name: made}

    def _with_rows(self, given: Mapping[str, object], name: str, session: Session) -> Mapping[str, object]:
        """What is GIVEN and what is computed of the mask NAME, which is read on the host.

        Raises `InputError` if what is computed is given, too: kernels take it as places in memory.
        """
        own = next((each for each in given if each in hidden(name)), None)
        if own is not None:
            raise InputError(f"the input {clip(own)} is computed of {clip(name)}", "give the mask alone")
        if name not in given:
            return given
        mask = session.fetch(taken(name, given[name], session.stream, self._device, kept=True))
        return {**given, **rows_of(mask, name)}

    def _flattened(self, values: list[Value], kept: bool) -> Shapes:
        """Flatten those of VALUES that are of inputs of any rank; their shapes by name."""
        shapes = {self._names[index]: tuple(values[index].shape) for index in self._unranked}
        for index in self._unranked:
            values[index] = flat(self._names[index], values[index], kept=kept)
        return shapes

    def slots(self) -> InputSlots:
        """What takes the inputs of one context."""
        return InputSlots(self._names, self._device)

    def symbols(self, inputs: RunInputs) -> dict[str, int]:
        """The value of every symbol in a run with INPUTS.

        Raises `InputError`, listing the wanted and the given tensors, for a wrong dtype, rank or size, a
        violated constraint, or a symbol outside its range.
        """
        self._check_types(inputs.values, inputs.given)
        return self._symbols.bind(inputs.values, inputs.numbers, inputs.given)

    def _check_types(self, values: Sequence[Value], given: Mapping[str, object]) -> None:
        for tensor, value in zip(self._manifest.inputs, values, strict=True):
            if not has_dtype(value, tensor.dtype):
                raise mismatch(self._manifest, f"input {clip(tensor.name)} has the wrong type", given)
            if len(value.shape) != len(tensor.shape):
                raise mismatch(
                    self._manifest, f"input {clip(tensor.name)} has the wrong number of dimensions", given
                )

    def _about_unknown(self, unknown: Sequence[object], given: Mapping[str, object]) -> str | None:
        """What is said of the UNKNOWN names among those GIVEN; None if there are none."""
        if not unknown:
            return None
        first, lacking = str(unknown[0]), [name for name in self._names if name not in given]
        required = [name for name in lacking if name not in self._manifest.defaults]
        near = _closest(first, lacking) or (required[0] if len(required) == len(unknown) == 1 else None)
        text = f"the plan has no input {clip(first)}"
        return text + (CONSTANT.format(clip(first)) if near is None else f"; is {clip(near)} meant?")

    def _defaults(self, given: Mapping[str, object]) -> dict[str, object]:
        """The defaults of the inputs that are not GIVEN."""
        lacking = ((name, each) for name, each in self._manifest.defaults.items() if name not in given)
        return {name: each.within(self._plan.weights) for name, each in lacking}

    def _numbers(self, tensor: TensorSpec, array: Array, given: Mapping[str, object]) -> list[int]:
        """The values of the input TENSOR that sizes depend on, and zeros behind them if its length is a size.

        Raises `InputError` for a wrong shape or invalid values.
        """
        most = len(self._manifest.sizes.contents[tensor.name])
        free = not all(isinstance(size, int) for size in tensor.shape)  # a list, perhaps a short one
        if array.shape != tensor.shape and not (free and array.size <= most):
            raise mismatch(self._manifest, f"input {clip(tensor.name)} has the wrong shape", given)
        try:
            found = numbers_in(array)
        except InputError as error:
            raise InputError(f"input {clip(tensor.name)}: {error.message}", error.hint) from None
        return found + [0] * (most - len(found))

    def outputs(
        self,
        tensors: Sequence[BoundTensor],
        given: Mapping[str, object] | None,
        stream: int | None,
        *,
        kept: bool = False,
    ) -> list[Value | None]:
        """The caller's output tensors in the plan's order; None where the caller gave none. See `taken` about
        KEPT.

        Raises `InputError` for an unknown name, or a tensor of another dtype or shape (elements) than the
        output, that is read-only, or whose elements overlap.
        """
        if given is None:
            return [None] * len(tensors)
        if not isinstance(given, Mapping):
            raise InputError(f"outputs must be a mapping from names to arrays, not {type(given).__name__}")
        results = self._results
        unknown = given.keys() - results.keys()
        if unknown:
            names = ", ".join(map(clip, results))
            raise InputError(f"there is no output {clip(min(map(str, unknown)))}; the outputs are {names}")
        for cut in self._manifest.cuts:
            if cut.output in given:
                raise InputError(f"the size of the output {clip(cut.output)} depends on data", RETURNED)
        for name in self._manifest.unranked:
            if name in given:
                raise InputError(f"the output {clip(name)} has the shape of an input of any rank", RETURNED)
        return [
            taken_output(tensor, given[tensor.name], stream, self._device, kept=kept)
            if tensor.name in given
            else None
            for tensor in tensors
        ]

    def check_in_place(self, inputs: Sequence[Value], outputs: Sequence[Value | None]) -> None:
        """Raise `InputError` unless kernels can use all tensors in place."""
        for label, value in zip(self._inputs, inputs, strict=True):
            check_in_place(label, value, self._device)
        for label, result in zip(self._outputs, outputs, strict=True):
            if result is not None:
                check_in_place(label, result, self._device)

    def check_disjoint(self, inputs: Sequence[Value], outputs: Sequence[Value | None]) -> None:
        """Raise `InputError` for an output tensor that shares memory with an input or with another output.

        Kernels assume that their operands do not alias, and overlapping outputs would overwrite each other.
        """
        given = zip(self._outputs, outputs, strict=True)
        written = [(label, value) for label, value in given if value is not None]
        if not written:
            return
        met = shared(zip(self._inputs, inputs, strict=True), written)
        if met is not None:
            hint = "pass a copy, or memory of its own"
            raise InputError(f"the tensors given for {met[0]} and {met[1]} overlap in memory", hint)


def _closest(name: str, names: Sequence[str]) -> str | None:
    """The most similar of NAMES, if one is similar but for the case of letters."""
    plain = {each.lower(): each for each in names}
    found = difflib.get_close_matches(name.lower(), plain, 1) if len(name) <= MAX_COMPARED else []
    return plain[found[0]] if found else None
