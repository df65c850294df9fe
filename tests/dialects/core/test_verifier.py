"""The verifier tries again what has changed, and only that."""

from __future__ import annotations

import pytest
from glassrt import IRError
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dialect import DialectSet
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.core.verifier import VerifiedOps, verify
from glassrt.dialects.graph import GRAPH
from glassrt.dialects.graph.activations import LeakyRelu

from .small_modules import two_ops


def chain(length: int) -> tuple[Module, list[Operation]]:
    module = Module()
    function = module.add(Function("main", ["x"], ["y"]))
    value = function.block.add_argument(TensorType((2, 3), F32))
    ops = []
    for _ in range(length):
        ops.append(function.block.append(LeakyRelu(value, alpha=0.5)))
        value = ops[-1].result
    function.block.append(Return(value))
    return module, ops


def test_what_is_as_it_was_is_not_tried_again() -> None:
    module, ops = chain(5)
    verified = VerifiedOps()
    verify(module, ALL_DIALECTS, verified)
    assert len(verified.tried) == 6 and verified.settled(module)
    ops[2].alpha = 0.25
    assert not verified.settled(module)
    verify(module, ALL_DIALECTS, verified)
    assert verified.tried == [ops[2]] and verified.settled(module)


def test_an_edit_that_breaks_a_rule_is_found_again_and_again() -> None:
    module, ops = chain(5)
    verified = VerifiedOps()
    verify(module, ALL_DIALECTS, verified)
    ops[2].result.type = TensorType((2, 3), F16)
    for _ in range(2):
        with pytest.raises(IRError, match="implied by its operands"):
            verify(module, ALL_DIALECTS, verified)
        assert not verified.settled(module)
    ops[2].result.type = TensorType((2, 3), F32)
    verify(module, ALL_DIALECTS, verified)
    assert verified.settled(module)


def test_an_op_put_before_what_it_reads_is_found() -> None:
    module, ops = chain(3)
    verified = VerifiedOps()
    verify(module, ALL_DIALECTS, verified)
    block = module.main.block
    block.unlink(ops[1])
    block.insert_before(ops[0], ops[1])
    assert not verified.settled(module)
    with pytest.raises(IRError, match="not defined before"):
        verify(module, ALL_DIALECTS, verified)


def test_another_module_is_not_taken_for_the_one_that_held() -> None:
    module, other = chain(2)[0], chain(3)[0]
    verified = VerifiedOps()
    verify(module, ALL_DIALECTS, verified)
    assert verified.settled(module) and not verified.settled(other)


@pytest.mark.parametrize("key", ["inputs", "outputs"])
def test_names_are_told_apart(key: str) -> None:
    """Also where a pass, and no text, gives two inputs or outputs one name."""
    module, _ = chain(3)
    setattr(module.main, key, ["one", "two", "one"])
    with pytest.raises(IRError, match=f"has two {key} called 'one'"):
        verify(module)


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
