"""Contractions of random shapes under random configurations, on the host device against numpy."""

from __future__ import annotations

from glassrt.codegen.kernels import contraction_mma, contraction_simt
from glassrt.codegen.kernels.contraction_mma import MmaConfig
from glassrt.codegen.kernels.contraction_simt import SimtConfig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .contraction_cases import TARGET, Case, check, conv, kernel_of, matmul, module_of, run_case

CONFIGS = (
    MmaConfig(16, 32, 128, 1, 1, 4, 3),
    MmaConfig(32, 32, 64, 1, 1, 2, 2),
    MmaConfig(32, 64, 64, 1, 2, 1, 4),
    MmaConfig(64, 32, 32, 2, 1, 1, 3),
    MmaConfig(32, 32, 32, 2, 1, 1, 3, splits=2),
    SimtConfig(32, 32, 32, 8, 8, 3),
    SimtConfig(16, 64, 32, 4, 16, 2, splits=2),
)
small = st.integers(1, 3)


@st.composite
def products(draw: st.DrawFn) -> Case:
    m, n, k = draw(st.integers(1, 70)), draw(st.integers(1, 70)), draw(st.integers(1, 200))
    lead = draw(st.sampled_from([(), (2,), (2, 3)]))
    ta, tb = draw(st.booleans()), draw(st.booleans())
    a, b = (k, m) if ta else (m, k), (n, k) if tb else (k, n)
    shared = draw(st.booleans())
    return matmul("f16", (*lead, *a), b if shared else (*lead, *b), transpose_a=ta, transpose_b=tb)


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
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
    return conv("f16", x, w, groups=groups, stride=stride, dilation=dilation, pads=pads)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(case=products() | convolutions())
def test_every_legal_configuration_agrees_with_numpy(case: Case) -> None:
    kernels = []
    for number, config in enumerate(CONFIGS):
        family = contraction_mma if isinstance(config, MmaConfig) else contraction_simt
        legal = family.illegal(case.problem, config, TARGET) is None
        if family.unsupported(case.problem, TARGET) is None and legal:
            kernels.append(kernel_of(case, config, f"k{number}"))
    module = module_of(kernels)
    for kernel in kernels:
        check(case, run_case(case, kernel, module, runs=2), 2.0**-24)
