"""The parts of an operation are found in its text where they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.anatomy import Stretch, function_anatomy, operation_anatomy
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module

from ...growth import assert_growth

TESTS = Path(__file__).parents[2]
TEXTS = sorted((TESTS / "compiler").rglob("*.ir"))

TANGLED = """module @m { symbol N in [1, 2, 8]
  func @main(%x: tensor<(2*N)x4xf32>, // ) -> (tensor<f64>)
             %y: tensor<4xf32, strided<[N], 0>>) -> (tensor<(2*N)x4xf32>,
      tensor<4xf32>) {outputs = ["a,b}", "c\\""], inputs = ["x", "y"]} {
    %a = graph.slice %x {starts = [0, N - 1], // }
      sizes = [(2 * N), 4], steps = [1, 1]}
      : tensor<(2*N)x4xf32> loc("n{" -> "t)")
    %c = graph.constant {value = dense<4xf32: -1.0, 2.0e-3, 0x7fc00000, 1>}: tensor<4xf32>
    core.return %a, %c
  }
}
"""


def cut(text: str, stretch: Stretch | None) -> str:
    assert stretch is not None
    return text[slice(*stretch)]


def places(module: Module) -> list[tuple[Operation, str, int]]:
    found = []
    for op in module.walk():
        assert op.location.place is not None
        found.append((op, op.location.place.source.text, op.location.place.start))
    return found


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_every_part_of_every_op_of_all_levels_is_found(path: Path) -> None:
    printed = print_module(parse_module(path.read_text(encoding="utf-8"), ALL_DIALECTS))
    for op, text, start in places(parse_module(printed, ALL_DIALECTS)):
        found = operation_anatomy(text, start)
        assert cut(text, found.name) == op.name
        assert len(found.operands) == len(op.operands)
        assert [cut(text, each) == "_" for each in found.operands] == [each is None for each in op.operands]
        assert [cut(text, each) for each in found.types] == [str(each.type) for each in op.results]
        for name, (key, value) in found.attributes.items():
            assert cut(text, key) == name
            assert cut(text, value) == op.spec.attributes[name].kind.encode(op.attributes[name])
        symbol = "" if found.symbol is None else cut(text, found.symbol)[1:]
        assert symbol == (op.attributes[op.spec.symbol] or "" if op.spec.symbol else "")
        heads = [cut(text, each) for each in found.regions]
        assert len(heads) == len(op.regions) and all(re.fullmatch(r"\^\(.*\)", each) for each in heads)
        types = [[str(each.type) for each in region.block.arguments] for region in op.regions]
        assert [[cut(text, each) for each in region] for region in found.arguments] == types


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_every_part_of_the_head_of_a_function_is_found(path: Path) -> None:
    text = print_module(parse_module(path.read_text(encoding="utf-8"), ALL_DIALECTS))
    for function in parse_module(text, ALL_DIALECTS).functions:
        assert function.location.place is not None
        found = function_anatomy(text, function.location.place.start)
        assert cut(text, found.name) == f"@{function.name}"
        assert [cut(text, each) for each in found.arguments[0]] == [str(a.type) for a in function.arguments]
        assert [cut(text, each) for each in found.types] == [str(v.type) for v in function.returned]
        assert list(found.attributes) == ["inputs", "outputs"]


def test_comments_strings_and_lines_do_not_mislead() -> None:
    module = parse_module(TANGLED, ALL_DIALECTS)
    (function,) = module.functions
    assert function.location.place is not None
    head = function_anatomy(TANGLED, function.location.place.start)
    assert [cut(TANGLED, each) for each in head.arguments[0]] == [
        "tensor<(2*N)x4xf32>",
        "tensor<4xf32, strided<[N], 0>>",
    ]
    assert [cut(TANGLED, each) for each in head.types] == ["tensor<(2*N)x4xf32>", "tensor<4xf32>"]
    assert cut(TANGLED, head.attributes["outputs"][1]) == '["a,b}", "c\\""]'
    (cropped, *_), (constant, *_) = ([operation_anatomy(text, at)] for _, text, at in places(module)[:2])
    assert {name: cut(TANGLED, value) for name, (_, value) in cropped.attributes.items()} == {
        "starts": "[0, N - 1]",
        "sizes": "[(2 * N), 4]",
        "steps": "[1, 1]",
    }
    assert cut(TANGLED, constant.attributes["value"][1]) == "dense<4xf32: -1.0, 2.0e-3, 0x7fc00000, 1>"


def test_a_long_op_takes_time_in_proportion() -> None:
    assert_growth(
        lambda size: "graph.constant {value = dense<1xf32: " + "1.5, " * size + "1>} : tensor<1xf32>",
        lambda text: operation_anatomy(text, 0),
        (100_000, 800_000),
        most=16,
    )
