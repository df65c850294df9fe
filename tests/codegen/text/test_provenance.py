"""The head comment of a source: which ONNX nodes it names, and what hostile names come to."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt.codegen.nvrtc.cache import KernelCache
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.codegen.text.provenance import provenance, with_provenance, without_provenance
from glassrt.codegen.text.source_check import check_source
from glassrt.dialects.core.location import Location
from hypothesis import given
from hypothesis import strategies as st

SOURCE = """// k_relu: relu
//
// Loop nest.
#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) k_relu(Input<f32> x0, Output<f32> y0) {
    store(y0, 0, load(x0, 0));
}
"""


def test_a_source_names_the_nodes_of_all_its_launches() -> None:
    places = [Location(("conv_1", "relu_2")), Location(("conv_3", "relu_4")), Location(("conv_1", "relu_2"))]
    assert provenance(places) == "// from ONNX nodes conv_1, relu_2; conv_3, relu_4"
    assert with_provenance(SOURCE, places).split("\n")[:2] == ["// k_relu: relu", provenance(places)]
    assert with_provenance(SOURCE, [Location()]) == SOURCE


def test_many_nodes_and_launches_are_cut() -> None:
    many = [Location(tuple(f"n{launch}_{i}" for i in range(20))) for launch in range(9)]
    text = provenance(many)
    assert "n0_7, and 12 more; n1_0" in text and text.endswith("and 12 more; and 5 more")


@pytest.mark.parametrize(
    "name", ["*/ int x; /*", "\n#include <x>", "\\", "??/", "asm", "a/__asm__", "_Pragma", "é"]
)
def test_a_hostile_name_is_but_a_comment(name: str) -> None:
    check_source("k_relu", with_provenance(SOURCE, [Location((name,))]))


@given(st.lists(st.text(), min_size=1, max_size=12))
def test_any_name_is_one_line_that_can_be_taken_away(names: list[str]) -> None:
    made = with_provenance(SOURCE, [Location(tuple(names))])
    check_source("k_relu", made)
    assert made.count("\n") == SOURCE.count("\n") + 1
    assert without_provenance(made) == SOURCE == without_provenance(SOURCE)


def test_a_compiled_kernel_is_found_again_under_other_nodes(tmp_path: Path) -> None:
    cache = KernelCache(tmp_path)
    for name, known in (("a", False), ("b", True)):
        source = with_provenance(SOURCE, [Location((name,))])
        made = compile_kernels({"k_relu": source}, "sm_90a", headers(), cache)
        assert made["k_relu"].from_cache == known
