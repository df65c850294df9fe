"""Small modules that several tests of the IR's core begin with."""

from __future__ import annotations

from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.builtin import Return, Yield
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block, Region
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.module import Function, Module, SymbolRange
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add

VECTOR = TensorType((symbol("N"), 4), F32)


def two_ops() -> tuple[Module, Relu, Add]:
    """y = relu(x) + x"""
    module = Module("net", symbols={"N": SymbolRange(1, 2, 8)})
    function = module.add(Function("main", ["x"], ["y"]))
    x = function.block.add_argument(VECTOR)
    relu = Relu(x, loc=Location(("act",)))
    function.block.append(relu)
    add = Add(relu.result, x, loc=Location(("sum",)))
    function.block.append(add)
    function.block.append(Return(add.result))
    return module, relu, add


def read(text: str) -> Module:
    return parse_module(text, ALL_DIALECTS, file="net.ir")


def kernel_reading(outer: bool) -> Module:
    """A kernel whose region reads the input of the function, or its own argument."""
    module, type = Module(), TensorType((4,), F32)
    function = module.add(Function("main", ["x"], ["y"]))
    x = function.block.add_argument(type)
    body = Block([type])
    total = body.append(Add(body.arguments[0], x if outer else body.arguments[0])).result
    body.append(Yield(total))
    kernel = function.block.append(FusedKernel(x, regions=[Region(body)], root="loop"))
    function.block.append(Return(kernel.result))
    return module


GOOD = """module @net {
  symbol N in [1, 8, 32]
  func @main(%x: tensor<Nx4xf32>) -> (tensor<Nx4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %0 = graph.relu %x : tensor<Nx4xf32>
    core.return %0
  }
}
"""
