"""The spec of an interaction, and its kernel as it is emitted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace

import pytest
from glassrt.codegen.families.interaction.family import SAMPLES, InteractionFamily
from glassrt.codegen.families.interaction.layout import InteractionConfig
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.request.request import KernelCode
from glassrt.codegen.text.render import render
from glassrt.dialects.graph.interaction import ROWS

from ....conftest import Golden
from ...idle import hidden, idle
from .interactions import Case

RECOMMENDER = Case((ROWS, *range(26)), 64, 351, joined=True)


def code_of(case: Case, samples: int, known: Collection[int] = (), given: Collection[int] = ()) -> KernelCode:
    return InteractionFamily().realize(case.request(known, given), asdict(InteractionConfig(samples)))


def test_pairs_that_no_kernel_writes_are_read_before_the_wait() -> None:
    early, late = (code_of(RECOMMENDER, 1, each) for each in ((0,), ()))
    texts = [render(code.template, code.spec) for code in (early, late)]
    assert texts[0].index("places[i] =") < texts[0].index("pdl_wait()")
    assert texts[1].index("places[i] =") > texts[1].index("pdl_wait()")


def test_lookups_of_what_callers_give_are_before_the_wait() -> None:
    case = Case((ROWS, 1, 0), 64, 3)
    for known, early in (({0, 3, 4}, True), ({3, 4}, True), ({0, 3}, False)):
        text = render((code := code_of(case, 2, known, {1})).template, code.spec)
        wait = text.index("pdl_wait()")
        assert (text.index("own = i64(load(x1") < wait) is early
        assert text.rindex("cp_async<16>") > wait  # of the rows that an earlier kernel writes
    text = render((code := code_of(case, 2, {0, 3, 4})).template, code.spec)
    assert text.index("own = i64(load(x1") > text.index("pdl_wait()")  # a kernel may write the indices


@pytest.mark.parametrize(
    "case",
    [RECOMMENDER, Case((0, 1), 16, 1, batch=1), Case((ROWS,) * 20, 128, 7), Case((ROWS, 0), 32, 8, batch=8)],
)
@pytest.mark.parametrize("samples", SAMPLES)
def test_no_configuration_holds_idle_code(case: Case, samples: int) -> None:
    code = code_of(case, samples)
    text = render(code.template, code.spec)
    assert not idle(text) and not hidden(text)


def test_golden_kernel(golden: Golden) -> None:
    code = code_of(Case((ROWS, 1, 0), 64, 3, joined=True), 4, {0, 3, 4}, {1})
    assert render(code.template, code.spec) == golden.at("interaction.cu")


def test_kernels_do_not_spill() -> None:
    large = replace(RECOMMENDER, columns=(ROWS, *range(31)), width=128)
    sources = {}
    for number, (case, samples) in enumerate(((RECOMMENDER, 8), (large, 1))):
        code = code_of(case, samples)
        sources[f"k{number}"] = render(code.template, code.spec).replace(") k(", f") k{number}(")
    for kernel in compile_kernels(sources, "sm_90a", headers(), None).values():
        assert kernel.spill_bytes == 0 and kernel.registers <= 128
