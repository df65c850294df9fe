"""The values of a plan's symbols in a run, from the sizes and the contents of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import InputError, PlanError
from .device import Value
from .expressions import Expression, clip, evaluate
from .manifest import Manifest, SymbolSpec, TensorSpec
from .mismatch import dimension, mismatch
from .sizes import SizeBinding, said_of

RANGES = 'the range is chosen when the plan is built: shapes={"N": (least, usual, most)}, --shape N=1,8,64'


class SymbolBinder:
    """Determines the symbols of one plan, and checks them: sizes, contents, constraints and ranges."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._bindings = manifest.bindings

    def bind(
        self, values: Sequence[Value], numbers: Mapping[str, Sequence[int]], given: Mapping[str, object]
    ) -> dict[str, int]:
        """The values of all symbols, from the shapes of VALUES and the NUMBERS in inputs.

        Raises `InputError` for a wrong size, number, constraint or range.
        """
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
                    raise mismatch(self._manifest, self._wrong_size(tensor, axis, size), given)
        for name, found in numbers.items():
            for place, (dim, number) in enumerate(zip(sizes.contents[name], found, strict=True)):
                if dim != number and _size_of(dim, symbols) != number:
                    raise mismatch(self._manifest, self._wrong_number(name, place, number), given)
        broken = self._broken(symbols, given)
        if broken is not None:
            raise mismatch(self._manifest, broken, given)
        for name, span in self._manifest.symbols.items():
            if not span.minimum <= symbols[name] <= span.maximum:
                raise mismatch(self._manifest, self._out_of_range(name, symbols[name], span), given, RANGES)
        return {name: symbols[name] for name in self._manifest.symbols}

    def _completed(self, free: Mapping[str, int], given: Mapping[str, object]) -> dict[str, int]:
        """The values of all symbols, including derived ones. Raises `InputError` if a derived one is
        undefined."""
        try:
            return self._manifest.sizes.complete(free)
        except PlanError as error:
            for name, value in free.items():
                span = self._manifest.symbols.get(name)
                if span is not None and not span.minimum <= value <= span.maximum:
                    raise mismatch(
                        self._manifest, self._out_of_range(name, value, span), given, RANGES
                    ) from None
            broken = self._manifest.sizes.broken_where_defined(free)
            raise mismatch(self._manifest, broken or error.message, given) from None

    def _broken(self, symbols: Mapping[str, int], given: Mapping[str, object]) -> str | None:
        try:
            return self._manifest.sizes.broken(symbols)
        except PlanError as error:
            raise mismatch(
                self._manifest, f"the plan cannot take these sizes: {error.message}", given
            ) from None

    def _wrong_size(self, tensor: TensorSpec, axis: int, size: int) -> str:
        """The message for an input of the wrong size, with the reason for the expected size."""
        text = f"input {clip(tensor.name)} has the wrong size in axis {axis}"
        found = self._manifest.sizes.determining(tensor.shape[axis])
        if found is None:
            return text
        name, reason = found
        why = f"{clip(name)} is {size}, but it must be {clip(reason.text)[1:-1]}"
        return f"{text}: {why}{said_of(reason.nodes)} ({reason.why})"

    def _wrong_number(self, name: str, place: int, number: int) -> str:
        """The message for an input that holds a wrong number, with the reason for the expected one."""
        wanted = self._manifest.sizes.contents[name][place]
        text = f"input {clip(name)} holds {number}, but number {place} must be {dimension(wanted)}"
        found = self._manifest.sizes.determining(wanted)
        return text if found is None else f"{text}{said_of(found[1].nodes)} ({found[1].why})"

    def _out_of_range(self, name: str, value: int, span: SymbolSpec) -> str:
        """The message for a symbol outside its range, in terms of the model's own dimension if it has one."""
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


def _size_of(dim: Expression, symbols: Mapping[str, int]) -> int:
    try:
        return evaluate(dim, symbols)
    except PlanError as error:
        raise InputError(f"the plan cannot take these sizes: {error.message}") from error
