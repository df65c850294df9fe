"""Kernel parameters and launch arguments in the manifest, written and read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from .dtypes import ELEMENT_TYPES
from .expressions import LIMIT, Expression, clip
from .launch_rules import FILLS, INTERLEAVES, MAX_PIXELS, MAX_STEP, ROUNDINGS, SWIZZLES, Traversal
from .manifest_fields import Fields, fails, is_identifier

SCALARS = ("i32", "i64")
# The argument for each kind of parameter; the kinds are those of codegen/request/parameters.py.
GIVEN = {
    "read": "buffer",
    "write": "buffer",
    "scratch": "buffer",
    "tensor_map": "tensor_map",
    "scalar": "scalar",
}


@dataclass(frozen=True)
class ParameterSpec:
    """A kernel's parameter: `kind` is a key of GIVEN, `dtype` an element type (of a scalar i32 or i64)."""

    kind: str
    dtype: str

    def __str__(self) -> str:
        return f"{self.kind} {self.dtype}"

    def to_json(self) -> dict[str, str]:
        """The parameter in the manifest."""
        return {self.kind: self.dtype}


@dataclass(frozen=True)
class KernelSpec:
    """A compiled function and its parameters; `module` names the machine code that contains it."""

    name: str
    entry: str
    module: str
    parameters: tuple[ParameterSpec, ...]

    @property
    def place(self) -> tuple[str, str]:
        """The location of its function: kernels with equal locations share one function."""
        return self.module, self.entry


@dataclass(frozen=True)
class TensorMapSpec:
    """A tensor map: dims innermost first in elements, strides in bytes for dims 1 and up."""

    buffer: str
    dims: tuple[Expression, ...]
    strides: tuple[Expression, ...]
    traversal: Traversal

    def to_json(self) -> dict[str, object]:
        """The tensor map in the manifest."""
        traversal = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self.traversal).items()
        }
        return {
            "buffer": self.buffer,
            "dims": list(self.dims),
            "strides": list(self.strides),
            **traversal,
        }


@dataclass(frozen=True)
class ArgumentSpec:
    """A launch argument: a buffer's name, an integer expression, or a tensor map."""

    parameter: ParameterSpec
    value: Expression | TensorMapSpec

    def to_json(self) -> dict[str, object]:
        """The argument in the manifest."""
        value = self.value.to_json() if isinstance(self.value, TensorMapSpec) else self.value
        return {GIVEN[self.parameter.kind]: value}


def parse_kernel(name: str, value: object) -> KernelSpec:
    """The kernel NAME from its JSON. Raises `PlanError`."""
    fields = Fields(value, f"kernel {clip(name)}")
    if not is_identifier(name):
        raise fails(f"kernel {clip(name)}", "has a name that is not an identifier")
    parameters = tuple(_parameter(entry) for entry in fields.objects("parameters"))
    return KernelSpec(name, fields.identifier("entry"), fields.identifier("module"), parameters)


def _parameter(fields: Fields) -> ParameterSpec:
    (kind, *others) = fields.values or [""]
    if others or kind not in GIVEN:
        raise fails(fields.where, f"needs exactly one of {', '.join(GIVEN)}")
    allowed = SCALARS if kind == "scalar" else tuple(ELEMENT_TYPES)
    if fields.text(kind) not in allowed:
        raise fields.fail(kind, f"one of {', '.join(allowed)}")
    return ParameterSpec(kind, fields.text(kind))


def parse_arguments(entries: Iterable[Fields], kernel: KernelSpec, where: str) -> tuple[ArgumentSpec, ...]:
    """A launch's arguments, matched to the kernel's parameters by position. Raises `PlanError`."""
    given = list(entries)
    kinds = [" and ".join(fields.values) or "nothing" for fields in given]
    if kinds != [GIVEN[parameter.kind] for parameter in kernel.parameters]:
        passed, wanted = clip(", ".join(kinds)), ", ".join(map(str, kernel.parameters))
        raise fails(where, f"passes ({passed}) to a kernel that takes ({wanted})")
    pairs = zip(kernel.parameters, given, strict=True)
    return tuple(ArgumentSpec(parameter, _argument(parameter, fields)) for parameter, fields in pairs)


def _argument(parameter: ParameterSpec, fields: Fields) -> Expression | TensorMapSpec:
    match GIVEN[parameter.kind]:
        case "buffer":
            return fields.text("buffer")
        case "scalar":
            return fields.expression("scalar")
    map = Fields(fields.get("tensor_map"), f"{fields.where} tensor map")
    return _tensor_map(map, parameter.dtype)


def _tensor_map(fields: Fields, dtype: str) -> TensorMapSpec:
    dims, strides, traversal = fields.expressions("dims"), fields.expressions("strides"), _traversal(fields)
    fault = traversal.fault(len(dims), dtype, ELEMENT_TYPES[dtype].bytes)
    if fault is not None:
        raise fails(fields.where, fault)
    return TensorMapSpec(fields.text("buffer"), dims, strides, traversal)


def _traversal(fields: Fields) -> Traversal:
    box = fields.integers("box", 1, MAX_PIXELS)
    if not box:
        raise fields.fail("box", "sizes")
    return Traversal(
        box=box,
        steps=fields.integers("steps", 1, MAX_STEP, []),
        swizzle=fields.word("swizzle", SWIZZLES, "none"),
        interleave=fields.word("interleave", INTERLEAVES, "none"),
        fill=fields.word("fill", FILLS, "zero"),
        rounding=fields.word("rounding", ROUNDINGS, "none"),
        lower=fields.integers("lower", -LIMIT, LIMIT, []),
        upper=fields.integers("upper", -LIMIT, LIMIT, []),
    )
