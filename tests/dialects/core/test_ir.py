"""Uses, insertion and erasure, the verifier and the interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import InputError, IRError
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.clone import clone_block
from glassrt.dialects.core.dialect import DialectSet
from glassrt.dialects.core.dtypes import F16, F32, I32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Block, Function, Module, SymbolRange
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.printer import canonical_text, print_module
from glassrt.dialects.core.resources import ResourceTable
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph import GRAPH
from glassrt.dialects.graph.elementwise import Add, Neg, Relu
from glassrt.runtime.whole_files import write_whole
from hypothesis import given
from hypothesis import strategies as st

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


def test_values_know_their_uses():
    module, relu, add = two_ops()
    x = module.main.arguments[0]
    assert x.users == [relu, add]
    relu.result.replace_by(x)
    assert relu.result.users == [] and list(x.uses) == [(relu, 0), (add, 1), (add, 0)]
    relu.erase()
    assert x.users == [add] and [op.name for op in module.walk()] == ["graph.add", "core.return"]
    verify(module, ALL_DIALECTS)


def test_an_op_in_use_cannot_be_erased():
    _, relu, _ = two_ops()
    with pytest.raises(IRError, match="while its results are used"):
        relu.erase()


@given(st.lists(st.tuples(st.sampled_from(["append", "before", "unlink"]), st.integers(0, 30)), max_size=40))
def test_blocks_behave_like_lists(steps):
    block, model = Block([VECTOR]), []
    for action, at in steps:
        if action == "unlink" and model:
            op = model.pop(at % len(model))
            block.unlink(op)
        elif action == "before" and model:
            anchor = at % len(model)
            op = Relu(block.arguments[0])
            block.insert_before(model[anchor], op)
            model.insert(anchor, op)
        else:
            op = Relu(block.arguments[0])
            block.append(op)
            model.append(op)
        assert list(block) == model
        assert [op.previous for op in model] == [None, *model[:-1]][: len(model)]


def test_clones_are_equal_and_apart():
    module, _, _ = two_ops()
    copy = clone_block(module.main.block)
    assert canonical_text(copy) == canonical_text(module.main.block)
    assert all(op not in module.main.block for op in copy)


def test_the_verifier_names_the_rule_and_the_node():
    module, relu, _ = two_ops()
    module.main.block.unlink(relu)
    with pytest.raises(IRError, match=r"graph\.add: operand 0 is not defined before.*\n.*'sum'"):
        verify(module, ALL_DIALECTS)


def test_the_verifier_checks_result_types():
    module, relu, _ = two_ops()
    relu.result.type = TensorType((symbol("N"), 5), F32)
    with pytest.raises(IRError, match="result 0 is tensor<Nx5xf32>, but tensor<Nx4xf32> is implied"):
        verify(module, ALL_DIALECTS)


def test_the_verifier_keeps_levels_apart():
    module, _, _ = two_ops()
    with pytest.raises(IRError, match="does not belong to this level"):
        verify(module, DialectSet([]))
    assert GRAPH.ops


def test_ops_check_their_operands_when_made():
    _, relu, _ = two_ops()
    with pytest.raises(IRError, match="different element types: f32, i32"):
        Add(relu.result, Block([VECTOR.with_dtype(I32)]).arguments[0])
    with pytest.raises(IRError, match=r"do not broadcast"):
        Add(relu.result, Block([TensorType((symbol("N"), 3), F32)]).arguments[0])
    with pytest.raises(IRError, match="'x' is missing"):
        Neg()


def test_the_interpreter_binds_symbols_and_names():
    module, _, _ = two_ops()
    x = np.array([[-1, 2, -3, 4]], np.float32)
    np.testing.assert_array_equal(interpret(module, {"x": x})["y"], [[-1, 4, -3, 8]])
    with pytest.raises(InputError, match="'x' is missing"):
        interpret(module, {"z": x})
    with pytest.raises(InputError, match="dimension 5 where 4"):
        interpret(module, {"x": np.zeros((1, 5), np.float32)})


def test_the_interpreter_rounds_to_the_storage_type():
    module = Module("net")
    function = module.add(Function("main", ["x"], ["y"]))
    x = function.block.add_argument(TensorType((1,), F16))
    function.block.append(Return(function.block.append(Add(x, x)).result))
    assert interpret(module, {"x": np.array([1e-7], np.float16)})["y"].dtype == np.float16


def test_weights_are_named_by_content_and_survive_a_file(tmp_path):
    table = ResourceTable()
    first = table.add(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert table.add(np.arange(6, dtype=np.float32).reshape(2, 3)) == first
    assert table.add(np.arange(6, dtype=np.float32)) != first
    scalar = table.add(np.array(3, np.int64))
    write_whole(tmp_path / "net.weights", table.write)
    again = ResourceTable.load(tmp_path / "net.weights")
    assert sorted(again) == sorted(table) and again[scalar].shape == ()
    np.testing.assert_array_equal(again[first], table[first])


def test_a_damaged_sidecar_is_refused(tmp_path):
    path = tmp_path / "net.weights"
    table = ResourceTable()
    table.add(np.arange(64, dtype=np.float32))
    write_whole(path, table.write)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(IRError, match="does not fit its hash"):
        ResourceTable.load(path)
    path.write_bytes(bytes(data[:20]))
    with pytest.raises(IRError, match="not a readable weights file"):
        ResourceTable.load(path)
    with pytest.raises(IRError, match="not among the module's resources"):
        again = ResourceTable()
        again["missing"]


def test_printing_is_stable():
    module, _, _ = two_ops()
    assert print_module(module) == print_module(module)
