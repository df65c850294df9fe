"""Clones are equal and apart."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.clone import clone_block, clone_module, clone_op
from glassrt.dialects.core.printer import canonical_text, print_module
from glassrt.dialects.core.verifier import verify

from .small_modules import read, two_ops


def test_clones_are_equal_and_apart():
    module, _, _ = two_ops()
    copy = clone_block(module.main.block)
    assert canonical_text(copy) == canonical_text(module.main.block)
    assert all(op not in module.main.block for op in copy)


KERNEL = """module @net {
  symbol N in [1, 2, 8]
  func @main(%x: tensor<Nx4xf32>, %h: tensor<f32>) -> (tensor<Nx4xf32>) {inputs = ["x", ""], outputs = [""]} {
    %y = fused.kernel %x, %h {root = loop} : tensor<Nx4xf32> loc("a" -> "y") {
      ^(%a: tensor<Nx4xf32>, %b: tensor<f32>):
        %0 = graph.clip %a, _, %b : tensor<Nx4xf32>
        core.yield %0
    }
    core.return %y
  }
}
"""


def test_a_module_is_cloned_deep_but_for_its_weights():
    module = read(KERNEL)
    weight = module.resources.add(np.arange(3, dtype=np.float32))
    copy = clone_module(module)
    assert print_module(copy) == print_module(module) == KERNEL
    verify(copy, ALL_DIALECTS)
    assert not set(copy.walk()) & set(module.walk())
    assert copy.resources[weight] is module.resources[weight]
    copy.resources.add(np.arange(4, dtype=np.float32))
    assert len(module.resources) == 1


def test_an_op_is_cloned_with_its_operands_mapped():
    module = read(KERNEL)
    (kernel, _) = list(module.main.block)
    x, h = module.main.arguments
    mapping = {x: h, h: x}
    copy = clone_op(kernel, mapping)
    assert copy.operands == (h, x) and copy.parent is None and copy.location == kernel.location
    assert mapping[kernel.result] is copy.result and copy.result.hint == "y"
