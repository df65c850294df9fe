"""Outputs in the memory of inputs: what is marked, and what cannot be."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.simplify.in_place import RULE, MarkInPlace
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.graph.sequences import WriteCache
from glassrt.errors import InputError

HEAD = """module @net {
  func @main(%past: tensor<2x8x4xf32>, %x: tensor<2x1x4xf32>, %at: tensor<2xi64>) -> (RESULTS) {SIGNATURE} {
    %present = graph.write_cache %past, %x, %at {axis = 1} : tensor<2x8x4xf32> loc("node")
"""
CACHE = "tensor<2x8x4xf32>"


def marked(body: str, results: int, in_place: dict[str, str]) -> tuple[WriteCache, PassContext]:
    head = HEAD.replace("RESULTS", ", ".join([CACHE] * results))
    names = ", ".join(f'"y{n}"' for n in range(results))
    head = head.replace("SIGNATURE", f'inputs = ["past", "x", "at"], outputs = [{names}]')
    module = parse_module(f"{head}{body}\n  }}\n}}\n", ALL_DIALECTS)
    context = PassContext(ALL_DIALECTS, in_place=in_place)
    MarkInPlace().run(module, context)
    return next(op for op in module.walk() if isinstance(op, WriteCache)), context


def test_a_write_is_in_place_where_it_is_declared() -> None:
    op, context = marked("core.return %present", 1, {"y0": "past"})
    assert op.in_place
    (record,) = context.ledger
    assert (record.rule, record.nodes) == (RULE, ("node",))
    assert not marked("core.return %present", 1, {})[0].in_place


def test_what_reads_the_result_does_not_matter() -> None:
    op, _ = marked(f"%a = graph.neg %present : {CACHE}\n core.return %present, %a", 2, {"y0": "past"})
    assert op.in_place


@pytest.mark.parametrize(
    ("body", "results", "in_place", "message"),
    [
        ("core.return %present", 1, {"y": "past"}, "there is no output 'y'"),
        ("core.return %present", 1, {"y0": "z"}, "there is no input 'z'"),
        ("core.return %present", 1, {"y0": "x"}, "it is not that input with elements written"),
        (f"%a = graph.neg %present : {CACHE}\n core.return %a", 1, {"y0": "past"}, "it is not that input"),
        (f"%a = graph.neg %past : {CACHE}\n core.return %present, %a", 2, {"y0": "past"}, "graph.neg reads"),
        ("core.return %present, %past", 2, {"y0": "past"}, "core.return reads the input"),
        ("core.return %present, %present", 2, {"y0": "past"}, "another output has the same elements"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_an_error(body: str, results: int, in_place: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        marked(body, results, in_place)
