"""Op declarations: fields on a class, from which everything generic is derived.

    class Clip(Operation):
        name = "graph.clip"
        x = operand()
        low = optional_operand()
        y = result()
        mode = attribute(EnumKind(("a", "b")), "a")

`op.x`, `op.y` and `op.mode` are read through the fields; the constructor, the printer, the parser
and the verifier use the `OpSpec` that `define_op` collects from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

from .attributes import AttributeError_, Kind
from .diagnostics import closest, op_error
from .ir import EDITS, Operation, Region, Value
from .parts import AttributeAt, AttributeNameAt, OperandAt, RegionAt
from .traits import Trait

T = TypeVar("T")
_REQUIRED: Any = object()


class OperandField:
    """A required operand."""

    optional = False
    variadic = False

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.index = 0

    @overload
    def __get__(self, op: None, owner: type) -> OperandField: ...
    @overload
    def __get__(self, op: Operation, owner: type) -> Value: ...
    def __get__(self, op: Operation | None, owner: type) -> Any:
        return self if op is None else op._operands[self.index]


class OptionalOperandField(OperandField):
    """An optional operand: None if absent."""

    optional = True

    @overload  # type: ignore[override]
    def __get__(self, op: None, owner: type) -> OptionalOperandField: ...
    @overload
    def __get__(self, op: Operation, owner: type) -> Value | None: ...
    def __get__(self, op: Operation | None, owner: type) -> Any:
        if op is None:
            return self
        return op._operands[self.index] if self.index < len(op._operands) else None


class VariadicField(OperandField):
    """A variadic operand: all operands from this position on."""

    variadic = True

    @overload  # type: ignore[override]
    def __get__(self, op: None, owner: type) -> VariadicField: ...
    @overload
    def __get__(self, op: Operation, owner: type) -> tuple[Value, ...]: ...
    def __get__(self, op: Operation | None, owner: type) -> Any:
        return self if op is None else tuple(op._operands[self.index :])


class ResultField:
    """A result; with `variadic`, any number of results."""

    def __init__(self, *, variadic: bool = False) -> None:
        self.variadic = variadic

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.index = 0

    @overload
    def __get__(self, op: None, owner: type) -> ResultField: ...
    @overload
    def __get__(self, op: Operation, owner: type) -> Value: ...
    def __get__(self, op: Operation | None, owner: type) -> Any:
        return self if op is None else op.results[self.index]


class AttributeField(Generic[T]):
    """An attribute of some kind; required unless it has a default.

    A discardable attribute does not affect what the op computes.
    """

    def __init__(self, kind: Kind, default: T, discardable: bool = False) -> None:
        self.kind = kind
        self.default = default
        self.discardable = discardable

    @property
    def required(self) -> bool:
        return self.default is _REQUIRED

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, op: None, owner: type) -> AttributeField[T]: ...
    @overload
    def __get__(self, op: Operation, owner: type) -> T: ...
    def __get__(self, op: Operation | None, owner: type) -> Any:
        return self if op is None else op.attributes[self.name]

    def __set__(self, op: Operation, value: T) -> None:
        EDITS.count += 1
        op.attributes[self.name] = self.kind.decode(value)


class RegionField:
    """A region of the op."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.index = 0

    @overload
    def __get__(self, op: None, owner: type) -> RegionField: ...
    @overload
    def __get__(self, op: Operation, owner: type) -> Region: ...
    def __get__(self, op: Operation | None, owner: type) -> Any:
        return self if op is None else op.regions[self.index]


def operand() -> OperandField:
    return OperandField()


def optional_operand() -> OptionalOperandField:
    return OptionalOperandField()


def operands() -> VariadicField:
    return VariadicField()


def result() -> ResultField:
    return ResultField()


def results() -> ResultField:
    return ResultField(variadic=True)


def attribute(kind: Kind, default: Any = _REQUIRED, *, discardable: bool = False) -> AttributeField[Any]:
    return AttributeField(kind, default, discardable)


def region() -> RegionField:
    return RegionField()


@dataclass(frozen=True)
class OpSpec:
    """What an op class declares, in order of declaration, base classes first."""

    operands: tuple[OperandField, ...]
    attributes: Mapping[str, AttributeField[Any]]
    results: tuple[ResultField, ...]
    regions: tuple[RegionField, ...]
    symbol: str | None
    traits: frozenset[Trait]

    @cached_property
    def least_operands(self) -> int:
        return sum(1 for field in self.operands if not field.optional and not field.variadic)

    @cached_property
    def most_operands(self) -> int | None:
        return None if any(field.variadic for field in self.operands) else len(self.operands)

    def check_operands(self, op: Operation) -> None:
        """Cut trailing absent operands. Raises IRError if operands are too few, too many or missing."""
        while op._operands and op._operands[-1] is None and not self._variadic_at(len(op._operands) - 1):
            op._operands.pop()
        count = len(op._operands)
        if self.most_operands is not None and count > self.most_operands:
            message = f"takes at most {self.most_operands} operands, {count} were given"
            raise op_error(op, message, at=OperandAt(self.most_operands), label="one too many")
        for index, field in enumerate(self.operands):
            present = index < count and op._operands[index] is not None
            if not present and not field.optional and not field.variadic:
                raise op_error(op, f"the operand '{field.name}' is missing", at=OperandAt(index))

    def check_regions(self, op: Operation) -> None:
        """Raise IRError if regions are too few or too many."""
        most, count = len(self.regions), len(op.regions)
        if count > most:
            message = f"takes {most or 'no'} region{'' if most == 1 else 's'}, {count} given"
            raise op_error(op, message, at=RegionAt(most), label="one too many")
        if count < most:
            raise op_error(op, f"the region '{self.regions[count].name}' is missing")

    def _variadic_at(self, index: int) -> bool:
        return bool(self.operands) and self.operands[-1].variadic and index >= len(self.operands) - 1

    def decode_attributes(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Attribute values of the declared kinds, with defaults, in order of declaration. Raises
        `AttributeError_`."""
        for name in raw:
            if name not in self.attributes:
                known = ", ".join(self.attributes) or "none"
                close = closest(name, self.attributes)
                hint = f"is {close} meant?" if close else None
                raise AttributeError_(
                    f"has no attribute '{name}' (it has: {known})", AttributeNameAt(name), hint
                )
        return {name: _decode(field, raw) for name, field in self.attributes.items()}


def _decode(field: AttributeField[Any], raw: Mapping[str, Any]) -> Any:
    value = raw.get(field.name, field.default)
    if value is _REQUIRED:
        raise AttributeError_(f"the attribute '{field.name}' is missing")
    if value is None and field.default is None:
        return None
    try:
        return field.kind.decode(value)
    except AttributeError_ as error:
        raise AttributeError_(f"attribute '{field.name}': {error}", AttributeAt(field.name)) from None


def define_op(*traits: Trait, symbol: str | None = None) -> Any:
    """Class decorator that collects an op's fields; SYMBOL names the attribute that is printed as @name."""

    def collect(cls: type[Operation]) -> type[Operation]:
        fields: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            fields.update({key: value for key, value in vars(base).items() if _is_field(value)})
        cls.spec = OpSpec(
            operands=_numbered(fields, OperandField),
            attributes={k: v for k, v in fields.items() if isinstance(v, AttributeField)},
            results=_numbered(fields, ResultField),
            regions=_numbered(fields, RegionField),
            symbol=symbol,
            traits=frozenset(traits),
        )
        return cls

    return collect


def _is_field(value: Any) -> bool:
    return isinstance(value, (OperandField, ResultField, RegionField, AttributeField))


def _numbered(fields: Mapping[str, Any], kind: type) -> tuple[Any, ...]:
    chosen: tuple[Any, ...] = tuple(value for value in fields.values() if isinstance(value, kind))
    for index, field in enumerate(chosen):
        field.index = index
    return chosen
