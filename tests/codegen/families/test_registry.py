"""Families by name and rank, and the candidates of the most specialised that can."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.families.loop import LoopFamily
from glassrt.codegen.families.registry import (
    candidates,
    expected,
    families,
    family_of,
    is_designed,
    is_group,
    registered,
    tiers,
)
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.reduction import Reduce
from glassrt.errors import IRError, UnsupportedError

from ..requests import request_for

SQUARE = TensorType((64, 64), F16)


def product():
    return request_for(lambda do, a, b: [do(Relu(do(Matmul(a, b))))], [SQUARE, SQUARE])


def sums():
    return request_for(lambda do, x: [do(Reduce(x, kind="sum", axes=[1]))], [TensorType((64, 512), F32)])


def test_families_are_ordered_by_rank() -> None:
    ranks = [family.rank for family in families().values()]
    assert ranks == sorted(ranks) and list(families())[-1] == "group"
    assert is_group("group") and not is_group("loop") and not is_group("none")


def test_a_name_is_taken_once() -> None:
    before = set(families())
    with (
        pytest.raises(ValueError, match="two kernel families called 'loop'"),
        registered(LoopFamily(name="loop")),
    ):
        pass
    with registered(replace(LoopFamily(), name="other")):
        assert set(families()) == before | {"other"}
    assert set(families()) == before


def test_an_unknown_family_is_shown_with_those_there_are() -> None:
    op = Relu(*request_for(lambda do, x: [x], [SQUARE]).region.arguments)
    assert family_of(op, "row") is families()["row"]
    with pytest.raises(IRError, match="there is no kernel family 'rows'") as caught:
        family_of(op, "rows")
    assert "loop" in str(caught.value.hint)


@pytest.mark.parametrize(("request_", "kind"), [(product(), "contraction"), (sums(), "row")])
def test_candidates_are_of_one_rank_and_cheapest_first(request_, kind: str) -> None:
    found = candidates(request_)
    times = [each.microseconds for each in found]
    assert times == sorted(times) and kind in found[0].family
    assert len({families()[each.family].rank for each in found}) == 1
    assert len(list(tiers(request_))) > 1
    last = found[-1]
    assert expected(request_, last.family, last.config) == last.microseconds
    assert expected(request_, last.family, {"no": 1}) == times[0]


def test_what_no_family_can_run_names_its_ops() -> None:
    wide = TensorType((4, 4096), F16)
    nothing = request_for(lambda do, q, k, v: [do(Attention(q, k, v))], [wide] * 3)
    with pytest.raises(UnsupportedError, match=r"no kernel family can run \(graph.attention\)"):
        candidates(nothing)


def test_designed_kernels_must_not_spill() -> None:
    found = candidates(product())[0]
    assert is_designed(found.family, found.config) and not is_designed("loop", {})
