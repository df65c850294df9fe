"""Messages say what is wrong in little text, whatever they quote."""

from __future__ import annotations

import glassrt
import pytest
from glassrt.errors import GlassError, ModelError, UnsupportedError
from glassrt.errors.shortening import MAX_LINE, MAX_LINES
from onnx import TensorProto, helper


def test_a_short_message_is_left_alone() -> None:
    error = ModelError("node 'a': no", "do this")
    assert (error.message, error.hint) == ("node 'a': no", "do this")
    assert str(error) == "node 'a': no\n  hint: do this"


def test_a_long_name_is_cut_and_the_reason_kept() -> None:
    error = ModelError(f"node '{'a' * 1_000_000}': the axis is wrong", "b" * 1_000_000)
    assert error.message.startswith("node 'aaa")
    assert error.message.endswith("aaa': the axis is wrong")
    assert "characters) ..." in error.message
    assert len(str(error)) < 2 * (MAX_LINE + 100)


def test_a_long_list_loses_its_end() -> None:
    error = UnsupportedError("cannot do", offenders=[f"case {number}" for number in range(100_000)])
    assert "case 5" in str(error)
    assert f"and {100_001 - MAX_LINES} more lines" in str(error)
    assert len(error.offenders) == 100_000


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
