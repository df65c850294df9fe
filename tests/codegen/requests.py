"""Requests for kernels of a few ops, made without a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.request.request import Request
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.ir import Block, Operation, Value
from glassrt.dialects.core.types import TensorType

Body = Callable[..., Sequence[Value]]


def request_for(
    body: Body, types: Sequence[TensorType], symbols: Mapping[str, tuple[int, int, int]] | None = None
) -> Request:
    """The request for BODY, which gets `append` and arguments of TYPES; SYMBOLS: (least, optimum, most)."""
    block = Block(types)

    def append(op: Operation) -> Value:
        return block.append(op).result

    values = body(append, *block.arguments)
    block.append(Yield(*values))
    spans = symbols or {}
    return Request(
        block,
        tuple(value.type for value in values),
        {name: (low, high) for name, (low, _, high) in spans.items()},
        {name: optimum for name, (_, optimum, _) in spans.items()},
        REFERENCE,
    )
