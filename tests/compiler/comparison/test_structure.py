"""The launches of two plans side by side."""

from __future__ import annotations

from glassrt.compiler.comparison.structure import changes_of, fusions_of, spots_of
from glassrt.compiler.report.facts import Facts

from .plans import plan

WHOLE, APART = Facts.of(plan()), Facts.of(plan(apart=("mm", "relu")))


def test_launches_of_the_same_nodes_are_one_place() -> None:
    spots = spots_of(WHOLE, APART)
    counts = {spot.nodes: (len(spot.a), len(spot.b)) for spot in spots}
    assert sum(len(spot.a) for spot in spots) == len(WHOLE.launches)
    assert sum(len(spot.b) for spot in spots) == len(APART.launches)
    first = next(nodes for nodes in counts if "mm" in nodes)
    assert counts[first] != (1, 1)
    assert all(spot.alike for spot in spots_of(WHOLE, WHOLE))


def test_what_is_apart_has_the_reason_of_the_ledger() -> None:
    (found,) = fusions_of(WHOLE, APART, spots_of(WHOLE, APART))
    assert any({"mm", "relu"} <= set(nodes) for nodes in found.a)
    assert not any({"mm", "relu"} <= set(nodes) for nodes in found.b)
    assert any("B: mm and relu: disabled" in reason and "switched off" in reason for reason in found.reasons)
    assert fusions_of(WHOLE, WHOLE, spots_of(WHOLE, WHOLE)) == []


def test_formats_and_kernels_of_the_same_nodes() -> None:
    half = Facts.of(plan("fp16"))
    found = changes_of(WHOLE, half, spots_of(WHOLE, half))
    formats = {(each.trait, each.a, each.b) for each in found if each.kind == "format"}
    assert ("requested", "f32", "f16") in formats
    assert any(each.kind == "kernel" and "mm" in each.what for each in found)
    assert changes_of(WHOLE, WHOLE, spots_of(WHOLE, WHOLE)) == []
