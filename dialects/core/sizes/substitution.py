"""Replaces symbols by sizes in types, in attributes and in whole modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..affine import Affine, Dim
from ..affine_traversal import substitute
from ..ir import Operation, Value
from ..module import Module
from ..tensor_map import TensorMap
from ..types import Layout, TensorType, symbols_in

Replacements = Mapping[str, Dim]


def in_type(type: TensorType, values: Replacements) -> TensorType:
    """TYPE with symbols replaced in its sizes, strides and offset."""
    if not type.symbols:
        return type
    layout = type.layout
    strides = tuple(substitute(stride, values) for stride in layout.strides)
    shape = tuple(substitute(dim, values) for dim in type.shape)
    return TensorType(shape, type.dtype, Layout(layout.order, strides, substitute(layout.offset, values)))


def in_attribute(value: Any, values: Replacements) -> Any:
    """An attribute's VALUE with symbols replaced in its sizes."""
    if isinstance(value, Affine):
        return substitute(value, values)
    if isinstance(value, TensorType):
        return in_type(value, values)
    if isinstance(value, TensorMap):
        return value.substituted(values)
    if isinstance(value, tuple):
        return tuple(in_attribute(item, values) for item in value)
    return value


def in_operation(op: Operation, values: Replacements) -> None:
    """Replace symbols in OP and in all nested operations."""
    for inner in op.walk():
        inner.attributes = {
            key: in_attribute(value, values) if symbols_in(value) & values.keys() else value
            for key, value in inner.attributes.items()
        }
        for region in inner.regions:
            for block in region.blocks:
                _in_values(block.arguments, values)
        _in_values(inner.results, values)


def in_module(module: Module, values: Replacements) -> None:
    """Replace symbols in every function of MODULE; its symbols and constraints are unchanged."""
    for function in module.functions:
        _in_values(function.arguments, values)
        for op in function.block:
            in_operation(op, values)


def _in_values(found: tuple[Value, ...] | list[Value], values: Replacements) -> None:
    for value in found:
        if value.type.symbols & values.keys():
            value.type = in_type(value.type, values)
