"""Inputs that are outputs, too: a run writes into the tensors that are given for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InputError
from .device import Value
from .expressions import clip
from .manifest import Manifest
from .overlap import shared, writes_twice


class Updates:
    """The checks of what is given for the inputs that runs of a plan write into."""

    def __init__(self, manifest: Manifest) -> None:
        self._labels = [f"input {clip(tensor.name)}" for tensor in manifest.inputs]
        self._of = manifest.in_place
        self._inputs = sorted(manifest.updates.values())

    def __bool__(self) -> bool:
        return bool(self._inputs)

    def check(self, values: Sequence[Value]) -> None:
        """Raise `InputError` unless the memory of those VALUES can be written, and is of no other one."""
        for index in self._inputs:
            value = values[index]
            read_only = not value.flags.writeable if isinstance(value, np.ndarray) else value.read_only
            if read_only:
                raise InputError(f"{self._labels[index]} is written in place, and what is given is read-only")
            if writes_twice(value):
                raise InputError(f"elements of the array given for {self._labels[index]} share memory")
        labelled = list(zip(self._labels, values, strict=True))
        written = [labelled[index] for index in self._inputs]
        met = shared([each for index, each in enumerate(labelled) if index not in self._inputs], written)
        if met is not None:
            hint = f"{met[0]} is written in place: give it memory of its own"
            raise InputError(f"the tensors given for {met[0]} and {met[1]} overlap in memory", hint)

    def without(self, outputs: Mapping[str, object], inputs: Mapping[str, object]) -> Mapping[str, object]:
        """OUTPUTS without those that are in the memory of INPUTS.

        Raises `InputError` where another tensor is given for one of these.
        """
        for output, input in self._of.items():
            if output in outputs and outputs[output] is not inputs.get(input):
                hint = f"give the tensor of the input {clip(input)}, or none"
                message = f"the output {clip(output)} is in the memory of the input {clip(input)}"
                raise InputError(message, hint)
        return {name: given for name, given in outputs.items() if name not in self._of}

    def results(self, inputs: Mapping[str, object]) -> dict[str, object]:
        """By output the tensor of INPUTS that it is in."""
        return {output: inputs[input] for output, input in self._of.items()}
