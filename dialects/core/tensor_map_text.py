"""Tensor maps in IR text: `{operand = 0, element = f16, dims = [64, N], strides = [128], box = [64, 8]}`.

`steps`, `swizzle`, `interleave`, `fill`, `rounding` and the corners `lower` and `upper` of an im2col map are
omitted if they have their defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ...runtime.launch_rules import FILLS, INTERLEAVES, ROUNDINGS, SWIZZLES, Traversal
from .attributes import DIMS, DTYPE, INT, INTS, AttributeError_, EnumKind, Kind, ListKind, quoted
from .tensor_map import TensorMap

_OF_MAP: dict[str, Kind] = {"operand": INT, "element": DTYPE, "dims": DIMS, "strides": DIMS}
_OF_TRAVERSAL: dict[str, Kind] = {
    "box": INTS,
    "steps": INTS,
    "swizzle": EnumKind(tuple(SWIZZLES)),
    "interleave": EnumKind(tuple(INTERLEAVES)),
    "fill": EnumKind(FILLS),
    "rounding": EnumKind(ROUNDINGS),
    "lower": INTS,
    "upper": INTS,
}
_NEEDED = (*_OF_MAP, "box")
_DEFAULTS = {field.name: field.default for field in fields(Traversal)}


class TensorMapKind:
    """The attribute kind of a tensor map."""

    def decode(self, raw: Any) -> TensorMap:
        if isinstance(raw, TensorMap):
            return raw
        if not isinstance(raw, Mapping):
            raise AttributeError_(f"a tensor map is expected, not {quoted(raw)}")
        known = _OF_MAP | _OF_TRAVERSAL
        for name in raw:
            if name not in known:
                raise AttributeError_(f"a tensor map has no '{name}' (it has: {', '.join(known)})")
        for name in _NEEDED:
            if name not in raw:
                raise AttributeError_(f"a tensor map needs '{name}'")
        operand, element, dims, strides = (kind.decode(raw[name]) for name, kind in _OF_MAP.items())
        given = {name: kind.decode(raw[name]) for name, kind in _OF_TRAVERSAL.items() if name in raw}
        return TensorMap(operand, element, dims, strides, Traversal(**given))

    def encode(self, value: TensorMap) -> str:
        items = (value.operand, value.dtype, value.dims, value.strides)
        pairs = zip(_OF_MAP.items(), items, strict=True)
        parts = [f"{name} = {kind.encode(item)}" for (name, kind), item in pairs]
        for name, kind in _OF_TRAVERSAL.items():
            item = getattr(value.traversal, name)
            if item != _DEFAULTS[name]:
                text = kind.encode(item)
                parts.append(f'{name} = "{text}"' if text[0].isdigit() else f"{name} = {text}")
        return "{" + ", ".join(parts) + "}"


TENSOR_MAPS = ListKind(TensorMapKind())
