"""Equal operations become one, unless something tells them apart."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.simplify.cse import CommonSubexpressions
from glassrt.dialects.core.parser import parse_module

TEXT = """module @net {{
  func @f(%x: tensor<4xf32>, %z: tensor<4xf32>) -> (tensor<4xf32>) {{inputs = ["", "z"], outputs = [""]}} {{
    %a = graph.leaky_relu %x {{alpha = 0.5}} : tensor<4xf32> loc("one")
    %b = graph.leaky_relu {second} : tensor<4xf32> loc("two")
    %c = graph.add %a, %b : tensor<4xf32>
    core.return %c
  }}
}}
"""


def kept(second: str, **switches: object) -> tuple[bool, tuple[str, ...]]:
    """Whether the SECOND op keeps its use, and the nodes of the first."""
    module = parse_module(TEXT.format(second=second), ALL_DIALECTS)
    context = PassContext(ALL_DIALECTS, **switches)  # type: ignore[arg-type]
    CommonSubexpressions().run(module, context)
    first, *_, total, _ = module.main.block
    merged = total.operands[1] is first.result
    assert len(list(context.ledger)) == merged
    return not merged, first.location.nodes


def test_the_first_stands_for_both_and_has_their_nodes() -> None:
    assert kept("%x {alpha = 0.5}") == (False, ("one", "two"))


@pytest.mark.parametrize(
    "second", ["%x {alpha = 0.25}", "%z {alpha = 0.5}", "%x {alpha = 0.5, nofuse = true}"]
)
def test_what_differs_or_is_marked_stays(second: str) -> None:
    assert kept(second) == (True, ("one",))


def test_it_can_be_switched_off() -> None:
    assert kept("%x {alpha = 0.5}", disabled=frozenset({"cse"})) == (True, ("one",))
