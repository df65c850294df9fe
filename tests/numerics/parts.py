"""Elementwise ops without a row of their own: they give nothing that the rows of their parts do not say."""

from __future__ import annotations

_BITS = "operands are integers, and every pattern of bits is a plain number"
_TRUTH = "operands are bools, which have neither NaN nor signed zeros"

# By op: why no row says anything about it.
PARTS = {
    "graph.not": _TRUTH,
    "graph.and": _TRUTH,
    "graph.or": _TRUTH,
    "graph.xor": _TRUTH,
    "graph.bit_cast": "bits stay what they are, those of NaN and signed zeros, too",
    "graph.bitwise_not": _BITS,
    "graph.bitwise_and": _BITS,
    "graph.bitwise_or": _BITS,
    "graph.bitwise_xor": _BITS,
}
