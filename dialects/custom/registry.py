"""The custom ops of this process, by their names in ONNX and in IR text."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ...errors import InputError
from ..core.dtypes import F32, DType
from ..core.op import define_op
from ..core.traits import Trait
from ..graph.elementwise_base import ANY
from .composition import ComposedOp
from .op import CudaOp, CustomOp, ElementwiseOp, LoopOp

Class = TypeVar("Class", bound=type[CustomOp])

NAME = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)::([A-Za-z_]\w*)", re.ASCII)
TAKEN = ("core", "control", "graph", "fused", "precision", "launch")  # the dialects
STANDARD = ("ai.onnx", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training", "ai.onnx.training")
# The method by which a class of each kind defines its computation.
KERNEL = {ElementwiseOp: "formula", LoopOp: "element", CudaOp: "cuda", ComposedOp: "compose"}

_registered: dict[str, type[CustomOp]] = {}  # by ONNX domain and type


def op(onnx: str) -> Callable[[Class], Class]:
    """A class decorator that registers a custom op for nodes of the ONNX op ONNX, "my.domain::Type".

    In IR text it is called `my_domain.type`. A file that is executed again replaces its ops. Raises
    InputError for an invalid name, one that another file has taken, and for a class that lacks what an op
    needs.
    """
    found = NAME.fullmatch(onnx) if isinstance(onnx, str) else None
    if found is None:
        raise InputError(f"{onnx!r} is no name of a custom op", 'it is written "my.domain::Type"')
    if found[1] in STANDARD:
        raise InputError(f"{onnx}: the standard's ops are not custom ones", "give it a domain of its own")

    def register(cls: Class) -> Class:
        if not (isinstance(cls, type) and issubclass(cls, CustomOp)):
            names = ", ".join(f"custom.{each.__name__}" for each in KERNEL)
            raise InputError(f"{onnx}: {cls!r} is no class of a custom op", f"derive it from one of {names}")
        cls.onnx, cls.file = onnx, inspect.getfile(cls)
        cls.name = ir_name(found[1], found[2])
        _check_name(cls)
        define_op(*_traits(cls))(cls)
        _check_class(cls)
        _registered[onnx] = cls
        return cls

    return register


def ir_name(domain: str, type: str) -> str:
    """The name in IR text of the op TYPE of DOMAIN: `my_domain.low_rank` for LowRank of my.domain."""
    return f"{_snake(domain.replace('.', '_'))}.{_snake(type)}"


def _snake(text: str) -> str:
    """TEXT in lower case, its words joined by underscores."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    return apart.lower().lstrip("_") or "op"


def find(onnx: str) -> type[CustomOp] | None:
    """The custom op for nodes of the ONNX op ONNX, "domain::Type"; None if no file has registered one."""
    return _registered.get(onnx)


def named(name: str) -> type[CustomOp] | None:
    """The custom op called NAME in IR text; None if there is none. Composed ops never occur in IR."""
    ops = (cls for cls in _registered.values() if not issubclass(cls, ComposedOp))
    return next((cls for cls in ops if cls.name == name), None)


def every() -> tuple[type[CustomOp], ...]:
    """All custom ops, in the order of their registration."""
    return tuple(_registered.values())


@contextmanager
def registered(*classes: type[CustomOp]) -> Iterator[None]:
    """A context that restores the registered ops at its end; CLASSES are registered inside."""
    before = dict(_registered)
    _registered.update({cls.onnx: cls for cls in classes})
    try:
        yield
    finally:
        _replace(before)


def _replace(ops: Mapping[str, type[CustomOp]]) -> None:
    _registered.clear()
    _registered.update(ops)


# ---------------------------------------------------------------- what a class must have


def _check_name(cls: type[CustomOp]) -> None:
    """Raise InputError for a name that is taken: by another file, another op, or a dialect."""
    if cls.name.partition(".")[0] in TAKEN:
        raise InputError(f"{cls.onnx}: in IR text its domain would be that of built-in ops ({cls.name})")
    for other in _registered.values():
        same = other.onnx == cls.onnx
        if (same and other.file != cls.file) or (not same and other.name == cls.name):
            where = Path(other.file).name
            raise InputError(f"{cls.onnx}: {other.onnx} in {where} has its name already ({cls.name})")


def _traits(cls: type[CustomOp]) -> Iterable[Trait]:
    by_rows = issubclass(cls, LoopOp) and cls.row_axes is not LoopOp.row_axes
    return (*cls.traits, *((Trait.ROW,) if by_rows else ()))


def _check_class(cls: type[CustomOp]) -> None:
    """Raise InputError unless CLS has a result, an operand, and both definitions of its meaning."""
    place = f"{cls.onnx} in {Path(cls.file).name}"
    if not cls.spec.results or any(field.variadic for field in cls.spec.results):
        raise InputError(f"{place} needs a result", "y = custom.result()")
    if len(cls.spec.results) > 1 and not issubclass(cls, (CudaOp, ComposedOp)):
        hint = "only an op with a body in CUDA, or one that is composed, has several"
        raise InputError(f"{place} needs one result, not {len(cls.spec.results)}", hint)
    if not cls.spec.operands or cls.spec.operands[0].optional:
        raise InputError(f"{place} needs an operand", "x = custom.operand()")
    if any(field.variadic for field in cls.spec.operands) or cls.spec.regions:
        raise InputError(f"{place}: a custom op has neither variadic operands nor regions")
    own = [field.name for field in cls.spec.operands] + [field.name for field in cls.spec.results]
    own += [name for name, field in cls.spec.attributes.items() if not field.discardable]
    taken = next((name for name in own if hasattr(CustomOp, name)), None)
    if taken is not None:
        raise InputError(f"{place}: every op has something called '{taken}'", "choose another name")
    _check_numbers(cls, place)
    kind = next((kind for kind in KERNEL if issubclass(cls, kind)), None)
    if kind is None:
        names = ", ".join(f"custom.{each.__name__}" for each in KERNEL)
        raise InputError(f"{place} has no kernel", f"derive it from one of {names}")
    for method in (KERNEL[kind],) if kind is ComposedOp else ("compute", KERNEL[kind]):
        if getattr(cls, method) in (getattr(CustomOp, method, None), getattr(kind, method, None)):
            raise InputError(
                f"{place} defines no `{method}`", "its meaning is in compute, its kernel beside it"
            )


def _check_numbers(cls: type[CustomOp], place: str) -> None:
    """Raise InputError for an invalid cost, compile_ms, kinds or floats of CLS."""
    if not isinstance(cls.cost, int) or cls.cost < 0:
        raise InputError(f"{place}: its cost is {cls.cost!r}, no number of operations for an element")
    time = cls.compile_ms
    if not isinstance(time, (int, float)) or isinstance(time, bool) or not 0 <= time < math.inf:
        raise InputError(f"{place}: its compile_ms is {time!r}, not a number of milliseconds", "such as 0.5")
    if not isinstance(cls.kinds, tuple) or not set(cls.kinds) <= set(ANY):
        raise InputError(f"{place}: its kinds are {cls.kinds!r}", "such as custom.FLOAT, or custom.ANY")
    floats = getattr(cls, "floats", (F32,))
    if not isinstance(floats, tuple) or not all(isinstance(each, DType) and each.is_float for each in floats):
        raise InputError(f"{place}: its floats are {floats!r}", "a tuple, such as (custom.F32, custom.F16)")
