"""Compares two modules: do they store and multiply the same tensors in eight bits?"""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np

from ...dialects.core.ir import Operation
from ...dialects.core.module import Module
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.convolution import Conv
from ...dialects.graph.quantization import Quantize
from ..patterns.channel_scale import weight_of
from ..patterns.matching import constant_array
from ..precision.quantization.dequantized import as_dequantized
from .choices import by_columns

Signature = tuple[str, ...]


def difference(one: Module, other: Module) -> str | None:
    """A message about the first difference between ONE and OTHER, both right after quantization.

    None when they multiply the same eight-bit numbers with the same scales, equally often, and store equally
    many tensors with each scale. The message names the node.
    """
    parts, others = _parts(one), _parts(other)
    counts, other_counts = (Counter(key for key, _ in each) for each in (parts, others))
    for key, op in (*parts, *others):
        if counts[key] != other_counts[key]:
            nodes = op.location.nodes
            return f"{key[0]} at '{nodes[-1] if nodes else op.name}' would differ"
    pairs = zip(one.main.outputs, one.main.returned, other.main.returned, strict=True)
    changed = (
        f"the output '{name}' would be {b.type}, not {a.type}" for name, a, b in pairs if a.type != b.type
    )
    return next(changed, None)


def _parts(module: Module) -> list[tuple[Signature, Operation]]:
    """The contractions and quantized tensors of MODULE, each with a key by which it is compared."""
    found: list[tuple[Signature, Operation]] = []
    for op in module.walk():
        if isinstance(op, (Conv, Matmul)):
            found.append((_product(op, module), op))
        elif isinstance(op, Quantize):
            found.append((("the scale", str(op.to), repr(constant_array(op.scale, module))), op))
    return found


def _product(op: Conv | Matmul, module: Module) -> Signature:
    x, w = as_dequantized(op.inputs[0], module), as_dequantized(weight_of(op), module)
    numbers = None if w is None else constant_array(w.stored, module)
    if x is None or w is None or numbers is None:
        return ("the product", "of floats")
    digest = hashlib.sha256(np.ascontiguousarray(by_columns(op, numbers)).tobytes()).hexdigest()
    return ("the product", str(x.stored.type.dtype), repr(x.scale), digest, w.scale.tobytes().hex())
