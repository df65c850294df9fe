"""Dead operations go in one sweep, in regions too."""

from __future__ import annotations

from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.simplify.dce import DeadCodeElimination, erase_dead
from glassrt.dialects.core.parser import parse_module

TEXT = """module @net {
  func @main(%x: tensor<4xf32>) -> (tensor<4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %a = graph.neg %x : tensor<4xf32>
    %b = graph.abs %a : tensor<4xf32>
    %k = fused.kernel %x {root = loop} : tensor<4xf32> {
      ^(%i: tensor<4xf32>):
        %c = graph.exp %i : tensor<4xf32>
        %d = graph.abs %i : tensor<4xf32>
        core.yield %d
    }
    %u = core.barrier %k : tensor<4xf32>
    core.return %k
  }
}
"""


def test_chains_and_what_is_in_regions_go_and_side_effects_stay() -> None:
    module = parse_module(TEXT, ALL_DIALECTS)
    DeadCodeElimination().run(module, PassContext(ALL_DIALECTS))
    names = [op.name for op in module.walk()]
    assert sorted(names) == sorted(["fused.kernel", "graph.abs", "core.yield", "core.barrier", "core.return"])


def test_the_dead_are_counted() -> None:
    module = parse_module(TEXT, ALL_DIALECTS)
    assert erase_dead(module.main.block) == 3 and erase_dead(module.main.block) == 0
