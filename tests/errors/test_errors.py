"""Messages say what is wrong in little text, whatever they quote."""

from __future__ import annotations

import glassrt
import pytest
from glassrt.errors import GlassError, ModelError
from onnx import TensorProto, helper


def test_a_short_message_is_left_alone() -> None:
    error = ModelError("node 'a': no", "do this")
    assert (error.message, error.hint) == ("node 'a': no", "do this")
    assert str(error) == "node 'a': no\n  hint: do this"


@pytest.mark.parametrize("kind", ["Nonesuch", "Relu"])
def test_names_of_a_million_characters_make_short_errors(kind: str) -> None:
    name = "n" * 1_000_000
    graph = helper.make_graph(
        [helper.make_node(kind, ["missing" + name], ["y"], name=name)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_empty_tensor_value_info("y")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    with pytest.raises(GlassError) as caught:
        glassrt.compile(model, target="host")
    assert len(str(caught.value)) < 5_000
