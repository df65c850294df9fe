"""Symbols replaced by sizes in types, attributes, regions and whole modules."""

from __future__ import annotations

from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.affine_traversal import symbols
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.sizes.substitution import in_attribute, in_module, in_type
from glassrt.dialects.core.types import Layout, TensorType
from glassrt.dialects.core.verifier import verify

N, H = symbol("N"), symbol("h")
EVEN = {"N": 2 * H}

FUSED = """module @net {
  symbol N in [2, 4, 8]
  symbol h in [1, 2, 4]
  func @main(%x: tensor<Nx4xf32>) -> (tensor<(2*N)x4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %0 = fused.kernel %x {root = loop} : tensor<(2*N)x4xf32> {
      ^(%a: tensor<Nx4xf32>):
        %b = graph.tile %a {repeats = [2, 1]} : tensor<(2*N)x4xf32>
        %c = graph.slice %b {starts = [N, 0], sizes = [N, 4]} : tensor<Nx4xf32>
        %d = graph.concat %c, %c {axis = 0} : tensor<(2*N)x4xf32>
        core.yield %d
    }
    core.return %0
  }
}
"""


def test_types() -> None:
    strided = TensorType((N, 4), F32, Layout(strides=(N * 4, 1), offset=N + 1))
    found = in_type(strided, EVEN)
    assert found == TensorType((2 * H, 4), F32, Layout(strides=(8 * H, 1), offset=2 * H + 1))
    plain = TensorType((3, 4), F32)
    assert in_type(plain, EVEN) is plain


def test_attributes_of_any_depth() -> None:
    assert in_attribute(("a", (N, 3), TensorType((N,), F32), 1.5), EVEN) == (
        "a",
        (2 * H, 3),
        TensorType((2 * H,), F32),
        1.5,
    )


def test_a_module_with_its_regions() -> None:
    module = parse_module(FUSED, ALL_DIALECTS)
    in_module(module, EVEN)
    del module.symbols["N"]
    verify(module, ALL_DIALECTS)
    text = print_module(module)
    assert "starts = [(2*h), 0]" in text and "(4*h)x4xf32" in text
    assert not any("N" in symbols(size) for op in module.walk() for v in op.results for size in v.type.shape)
