"""The spec of sums of rows, and their kernel as it is emitted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

import pytest
from glassrt.codegen.families.embedding_bag.family import EmbeddingBagFamily
from glassrt.codegen.families.embedding_bag.layout import BagConfig
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.text.render import render
from glassrt.dialects.core.dtypes import F32, I8

from ....conftest import Golden
from ...idle import hidden, idle
from .bags import Case


def text_of(case: Case, config: BagConfig, known: Collection[int] = (), given: Collection[int] = ()) -> str:
    code = EmbeddingBagFamily().realize(case.request(known, given), asdict(config))
    return render(code.template, code.spec)


def test_rows_of_what_callers_give_are_summed_before_the_wait() -> None:
    config = BagConfig(128, 1, 4)
    for known, given, early in (({0}, {1}, True), ({0, 1}, (), True), ({0}, (), False), ((), (), False)):
        text = text_of(Case(), config, known, given)
        assert (text.index("pdl_wait()") > text.index("load_packed_if")) is early
        assert text.index("pdl_wait()") < text.index("store_wide")


def test_what_all_tables_have_in_common_is_said_once() -> None:
    text = text_of(Case((4, 4)), BagConfig(128, 1, 4))
    assert text.count("table_rows = ") == 2 and text.count("length = ") == 1
    assert "switch" not in text_of(Case((4,)), BagConfig(128, 1, 4))


@pytest.mark.parametrize(
    "case",
    [
        Case((20, 3, 1), rows=1), Case((1,), width=1, table=F32, to=F32),
        Case(ragged=True, closed=True, mode="mean"),
        Case(table=I8, scaled=True, shifted=True, weighted=True), Case((8,), batch=1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("config", [BagConfig(128, 1, 1), BagConfig(128, 4, 8), BagConfig(128, 32, 2)])
def test_no_configuration_holds_idle_code(case: Case, config: BagConfig) -> None:
    text = text_of(case, config)
    assert not idle(text) and not hidden(text)


@pytest.mark.parametrize("name", ["tables", "offsets"])
def test_golden_kernels(name: str, golden: Golden) -> None:
    tables = Case((20, 3), weighted=True, table=I8, scaled=True)
    case = tables if name == "tables" else Case(ragged=True, mode="mean")
    assert text_of(case, BagConfig(128, 4, 2), {0}, {1}) == golden.at(f"{name}.cu")


def test_kernels_do_not_spill() -> None:
    many = Case((100,) * 26, 128, table=I8, scaled=True, shifted=True, weighted=True)
    sources = {}
    for number, (case, config) in enumerate(
        ((many, BagConfig(128, 4, 8)), (Case(ragged=True), BagConfig(256, 1, 8)))
    ):
        sources[f"k{number}"] = text_of(case, config).replace(") k(", f") k{number}(")
    for kernel in compile_kernels(sources, "sm_90a", headers(), None).values():
        assert kernel.spill_bytes == 0 and kernel.registers <= 128
