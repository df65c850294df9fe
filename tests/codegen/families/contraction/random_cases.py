"""Contractions of random shapes, as strategies of hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...contraction_cases import Case, conv, matmul

FLOATS = [(a, b) for a in ("f8e4m3", "f8e5m2") for b in ("f8e4m3", "f8e5m2")]
EIGHT_BITS = st.sampled_from([("u8", "i8"), ("i8", "i8"), ("i8", "u8"), ("u8", "u8"), *FLOATS])
small = st.integers(1, 3)


def kind_of(draw: st.DrawFn, eight_bits: bool) -> dict[str, Any]:
    """Element types of a case: halves, or one of EIGHT_BITS with sums as they are kept."""
    if not eight_bits:
        return {"dtype": "f16"}
    a, b = draw(EIGHT_BITS)
    return {"dtype": a, "weights": b, "out": "f32" if (a, b) in FLOATS else "i32"}


@st.composite
def products(draw: st.DrawFn, eight_bits: bool = False) -> Case:
    m, n, k = draw(st.integers(1, 70)), draw(st.integers(1, 70)), draw(st.integers(1, 200))
    lead = draw(st.sampled_from([(), (2,), (2, 3)]))
    # Only operands with k innermost reach the tensor cores in eight bits.
    ta, tb = draw(st.booleans()) and not eight_bits, draw(st.booleans()) or eight_bits
    a, b = (k, m) if ta else (m, k), (n, k) if tb else (k, n)
    shared = draw(st.booleans())
    operands = {"a": (*lead, *a), "b": b if shared else (*lead, *b)}
    return matmul(**kind_of(draw, eight_bits), **operands, transpose_a=ta, transpose_b=tb)


@st.composite
def convolutions(draw: st.DrawFn, eight_bits: bool = False) -> Case:
    groups = draw(st.sampled_from([1, 1, 2]))
    channels, filters = draw(st.integers(1, 24)), draw(st.integers(1, 40))
    taps = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    dilation = draw(st.integers(1, 2))
    span = [(t - 1) * dilation + 1 for t in taps]
    size = tuple(draw(st.integers(s, 9)) for s in span)
    pads = tuple(draw(st.integers(0, min(2, s))) for s in (*span, *span))
    stride = draw(small)
    x = (draw(small), channels * groups, *size)
    w = (filters * groups, channels, *taps)
    window = {"groups": groups, "stride": stride, "dilation": dilation, "pads": pads}
    return conv(**kind_of(draw, eight_bits), x=x, w=w, **window)
