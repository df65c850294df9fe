"""Uses, insertion and erasure, the verifier and the interpreter."""

from __future__ import annotations

import pytest
from glassrt import IRError
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.activations import Relu
from hypothesis import given
from hypothesis import strategies as st

from .small_modules import VECTOR, two_ops


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
