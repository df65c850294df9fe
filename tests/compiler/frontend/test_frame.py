"""Names that nodes can see, and what stands for results that are not there."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend.frame import LOST, LOST_SIZES, Frame, lost_result
from glassrt.compiler.frontend.tensor import Tensor
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from onnx import helper

from .graphs import node

KNOWN = Tensor.constant(np.ones(2, np.float32))
DATA = Tensor.of(Block([TensorType((2,), F32)]).arguments[0])


def test_names_inside_hide_those_outside() -> None:
    outer = Frame({}, tensors={"a": KNOWN, "b": KNOWN})
    inner = Frame({}, tensors={"a": DATA, "absent": None}, outer=outer)
    assert inner.find("a") is DATA and inner.find("b") is KNOWN and outer.find("a") is KNOWN
    assert inner.find("absent") is None
    for frame in (inner, outer):
        with pytest.raises(LookupError):
            frame.find("c")


def test_initializers_are_read_once_and_before_the_names_outside() -> None:
    read: list[str] = []

    def late(name: str) -> Tensor | None:
        read.append(name)
        return KNOWN if name == "w" else None

    inner = Frame({}, late=late, outer=Frame({}, tensors={"w": DATA, "v": DATA}))
    assert inner.find("w") is KNOWN and inner.find("w") is KNOWN and inner.find("v") is DATA
    assert read == ["w", "v"]


GRAPH = helper.make_graph([], "g", [], [])


@pytest.mark.parametrize(
    ("made", "inputs", "sized"),
    [
        (node("Add", "a b"), [KNOWN, KNOWN], True),  # of constants alone: its content may have been known
        (node("Add", "a b"), [KNOWN, DATA], False),
        (node("Add", "a b"), [KNOWN, LOST], False),
        (node("Add", "a b"), [None, LOST_SIZES], True),
        (node("Shape", "a"), [DATA], True),  # a shape depends on no data
        (node("Size", "a"), [LOST], True),
        (node("If", "a", then_branch=GRAPH, else_branch=GRAPH), [DATA], True),  # what else it reads is hidden
    ],
)
def test_what_is_lost_is_of_sizes_or_of_data(made: object, inputs: list[Tensor | None], sized: bool) -> None:
    assert lost_result(made, inputs).sized == sized  # type: ignore[arg-type]
