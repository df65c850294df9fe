"""The roots of kernels: their words in IR text, and the ops that always lead a kernel."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.attributes import AttributeError_
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Exp
from glassrt.dialects.roots import Root, RootKind, led_by

POOL = {"kernel": [3], "strides": [1], "pads": [1, 1], "dilations": [1]}


@pytest.mark.parametrize("root", Root)
def test_a_root_is_its_word_in_ir_text(root: Root) -> None:
    kind = RootKind()
    assert kind.decode(kind.encode(root)) is root


def test_other_words_are_refused() -> None:
    known = "one of contraction, .*, custom, recurrence, interaction, embedding_bag, row, loop is expected"
    with pytest.raises(AttributeError_, match=known):
        RootKind().decode("gather")


def test_ops_that_lead_a_kernel() -> None:
    x = Block([TensorType((2, 8, 8), F32)]).arguments[0]
    assert led_by(Matmul(x, x)) is Root.CONTRACTION
    assert led_by(Attention(x, x, x, None, scale=1.0)) is Root.ATTENTION
    assert led_by(MaxPool(x, **POOL)) is Root.LOOP
    assert led_by(Softmax(x, axis=2)) is None and led_by(Exp(x)) is None


def test_a_sealed_kernel_takes_no_constants() -> None:
    assert not any(root.takes_constants for root in Root if root.sealed)
