"""Requests in symbols of their own: equal kernels of different models are one."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.request.make import in_model_symbols, make_request
from glassrt.codegen.request.naming import kernel_name
from glassrt.codegen.request.request import ROW, Request
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import F16, F32, I64
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Function, Module, SymbolRange
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.interaction import ROWS, Interaction
from glassrt.dialects.launch_memory import Buffer


def requested(batch: str, other: str, stacked: bool = False, space: str = "arena") -> tuple[Module, Request]:
    """A request for relu over a BATCH of rows, in a module with an OTHER symbol before it."""
    module = Module(symbols={other: SymbolRange(1, 2, 4), batch: SymbolRange(1, 8, 32)})
    type = TensorType((symbol(batch), 4), F32)
    block = Block([type])
    block.append(Yield(block.append(Relu(*block.arguments)).result))
    read, write = (Buffer(types=[type], space=kind, bytes=type.bytes) for kind in (space, "arena"))
    request = make_request(module, block, [read.result], [write.result], REFERENCE, "k", stacked=stacked)
    return module, request


def test_equal_kernels_have_equal_requests() -> None:
    (_, first), (_, second) = requested("N", "A"), requested("batch", "zeta")
    assert first.ranges == second.ranges == {"S0": (1, 4), "S1": (1, 32)}
    assert first.optimum == {"S0": 2, "S1": 8} and first.reads[0].shape == (symbol("S1"), 4)
    assert kernel_name(first, "loop", {}) == kernel_name(second, "loop", {})


def test_symbols_are_mapped_back() -> None:
    module, _ = requested("N", "A")
    assert in_model_symbols(module, symbol("S1") * 3 + symbol("S0")) == symbol("N") * 3 + symbol("A")


def test_weights_are_known_by_their_buffer() -> None:
    assert requested("N", "A")[1].weights == frozenset()
    assert requested("N", "A", space="weights")[1].weights == {0}


def test_a_stacked_kernel_writes_one_row() -> None:
    _, found = requested("N", "A", stacked=True)
    (row,) = found.writes
    assert row.shape == (4,) and row.layout.offset == symbol(ROW) * 4
    assert found.rows == (0, 31) and found.stacked and found.optimum[ROW] == 0


@pytest.mark.parametrize("argument", [True, False])
def test_what_callers_give_is_known_where_a_kernel_makes_use_of_it(argument: bool) -> None:
    module, types = Module("m"), [TensorType((1,), I64), *[TensorType((2, 16), F16)] * 2]
    function = module.add(Function("main", ["pairs", "a", "b"]))
    given = [function.block.add_argument(type) for type in types]
    if not argument:
        given[1] = function.block.append(Buffer(space="arena", bytes=64, types=[types[1]])).result
    region = Block(types)
    pairs, *rows = region.arguments
    made = region.append(Interaction(pairs, None, *rows, columns=[ROWS, ROWS]))
    region.append(Yield(made.y))
    out = function.block.append(Buffer(space="arena", bytes=4, types=[made.y.type])).result
    assert make_request(module, region, given, [out], REFERENCE, "k").given == (
        {0, 1, 2} if argument else {0, 2}
    )
    plain = Block(types[1:2])
    plain.append(Yield(plain.append(Relu(plain.arguments[0])).result))
    assert make_request(module, plain, given[2:], [out], REFERENCE, "k").given == frozenset()


def test_what_a_kernel_updates_is_not_given() -> None:
    text = """
module @net {
  func @main(%pairs: tensor<1xi64>, %a: tensor<2x16xf16>, %u: tensor<2x1xf16>, %b: tensor<2x16xf16>)
      -> (tensor<2x16xf16>) {inputs = ["pairs", "a", "u", "b"], outputs = ["y"]} {
    launch.kernel @write %a, %u, %a {family = "loop", grid = [1, 1, 1], block = [256, 1, 1]} {
      ^(%0: tensor<2x16xf16>, %1: tensor<2x1xf16>):
        %2 = graph.write_cache %0, %1 {axis = 1, in_place = true} : tensor<2x16xf16>
        core.yield %2
    }
    core.return %a
  }
}"""
    module = parse_module(text, ALL_DIALECTS)
    pairs, a, _, b = module.main.arguments
    region = Block([pairs.type, a.type, b.type])
    inner, *rows = region.arguments
    made = region.append(Interaction(inner, None, *rows, columns=[ROWS, ROWS]))
    region.append(Yield(made.y))
    out = Buffer(space="arena", bytes=4, types=[made.y.type]).result
    assert make_request(module, region, [pairs, a, b], [out], REFERENCE, "k").given == {0, 2}
