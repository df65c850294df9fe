"""Contractions of random shapes under random configurations, on the host device against numpy."""

from __future__ import annotations

from typing import Any

from glassrt.codegen.families.contraction.mma import MmaConfig
from glassrt.codegen.families.contraction.simt import SimtConfig
from glassrt.codegen.families.contraction.tile import TileConfig
from glassrt.codegen.families.contraction.wgmma import WgmmaConfig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...contraction_cases import TARGET, Case, check, conv, kernel_of, matmul, module_of, product_of, run_case

CONFIGS = (
    MmaConfig(16, 32, 128, 1, 1, 4, 3),
    MmaConfig(32, 32, 64, 1, 1, 2, 2),
    MmaConfig(32, 64, 64, 1, 2, 1, 4),
    MmaConfig(64, 32, 32, 2, 1, 1, 3),
    MmaConfig(32, 32, 32, 2, 1, 1, 3, splits=2),
    SimtConfig(32, 32, 32, 8, 8, 3),
    SimtConfig(16, 64, 32, 4, 16, 2, splits=2),
    WgmmaConfig(64, 64, 64, 1, 1, 4),
    WgmmaConfig(128, 128, 64, 1, 2, 3),
)
# With twice as many elements in a tile of k.
EIGHT_BIT_CONFIGS = (
    MmaConfig(32, 64, 64, 1, 2, 1, 4),
    MmaConfig(16, 32, 256, 1, 1, 4, 2),
    MmaConfig(32, 32, 64, 2, 1, 1, 3, splits=2),
    SimtConfig(32, 32, 64, 8, 8, 3),
    WgmmaConfig(64, 32, 128, 1, 1, 4),
    WgmmaConfig(128, 96, 128, 2, 1, 3),
)
EIGHT_BITS = st.sampled_from([("u8", "i8"), ("i8", "i8"), ("i8", "u8"), ("u8", "u8"), ("f8e4m3", "f8e4m3")])
small = st.integers(1, 3)


def kind_of(draw: st.DrawFn, eight_bits: bool) -> dict[str, Any]:
    """Element types of a case: halves, or one of EIGHT_BITS with sums as they are kept."""
    if not eight_bits:
        return {"dtype": "f16"}
    a, b = draw(EIGHT_BITS)
    return {"dtype": a, "weights": b, "out": "f32" if a == "f8e4m3" else "i32"}


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


def check_all(case: Case, configs: tuple[TileConfig, ...]) -> None:
    """The kernels of CASE under every legal one of CONFIGS, of which there is one at least."""
    kernels = []
    for number, config in enumerate(configs):
        product = product_of(config)
        legal = product.illegal(case.problem, config, TARGET) is None
        if product.unsupported(case.problem, TARGET) is None and legal:
            kernels.append(kernel_of(case, config, f"k{number}"))
    assert len(kernels) >= 2
    module = module_of(kernels)
    for kernel in kernels:
        check(case, run_case(case, kernel, module, runs=2), 2.0**-24)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(case=products() | convolutions())
def test_every_legal_configuration_agrees_with_numpy(case: Case) -> None:
    check_all(case, CONFIGS)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(case=products(eight_bits=True) | convolutions(eight_bits=True))
def test_eight_bits_are_summed_up_exactly(case: Case) -> None:
    """Bytes to the last bit, 8-bit floats within the roundings of f32 sums."""
    check_all(case, EIGHT_BIT_CONFIGS)
