"""One error lists every node that is refused: those behind an unsupported one, too."""

from __future__ import annotations

import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import ModelError, UnsupportedError
from onnx import NodeProto, helper

from .graphs import model, node
from .test_shapes import ints

CONSTANTS = {"zero": ints(0), "one": ints(1), "minus": ints(-1), "two": ints(2, 2)}


def refused(*nodes: NodeProto, opset: int = 18) -> list[str]:
    """What is refused of NODES, which give y from x [N, 4] and the ones w [4]."""
    made = model(nodes, {"x": ("N", 4), "w": (4,)}, constants=CONSTANTS, opset=opset)
    with pytest.raises(UnsupportedError) as caught:
        import_model(made)
    return list(caught.value.offenders)


LOST = node("Lost", "x", "lost", domain="of.mine", name="lost")
WORD = (
    "Lost node 'lost': no file has registered the op 'of.mine::Lost'; custom ops are loaded by --ops FILE.py"
)

# A node that reads what is lost, with or without something that has to be known; what is said of it.
BEHIND = {
    "a shape that an input holds": ([node("Cast", "w", "s", to=7), node("Reshape", "lost s")], None),
    "a shape from a product": (
        [node("Mul", "w w", "v"), node("Cast", "v", "s", to=7), node("Reshape", "lost s")],
        "Reshape node 'y': its shape depends on the data of the inputs",
    ),
    "a shape from what is lost": (
        [node("Cast", "lost", "s", to=7), node("Slice", "x zero s")],
        "Slice node 'y': its end depends on the data of the inputs",
    ),
    "counts from a product": (
        [node("Mul", "w w", "v"), node("Cast", "v", "s", to=7), node("Tile", "lost s")],
        "Tile node 'y': its list of repeats depends on the data of the inputs",
    ),
    "a shape to expand to": (
        [node("Cast", "lost", "s", to=7), node("Abs", "s", "t"), node("Expand", "x t")],
        "Expand node 'y': its shape depends on the data of the inputs",
    ),
    "a shape that sizes give": ([node("Shape", "lost", "s"), node("Reshape", "x s")], None),
    "arithmetic of sizes": (
        [
            node("Shape", "lost", "s", end=1),
            node("Mul", "s one", "t"),
            node("Concat", "t minus", "u", axis=0),
            node("Reshape", "x u"),
        ],
        None,
    ),
    "an attribute": (
        [node("Abs", "lost", "t"), node("BatchNormalization", "t w w w w", training_mode=2)],
        "BatchNormalization node 'y': the attribute 'training_mode' is 2; only 0 and 1 are supported",
    ),
    "nothing": ([node("Relu", "lost", "t"), node("MatMul", "x t", "u"), node("Softmax", "u")], None),
    "an op with a body for its types": ([node("Relu", "lost", "t"), node("Celu", "t")], None),
}  # fmt: skip


@pytest.mark.parametrize("case", BEHIND)
def test_a_lost_node_hides_nothing(case: str) -> None:
    nodes, said = BEHIND[case]
    assert refused(LOST, *nodes) == [WORD] + ([] if said is None else [said])


def test_constants_that_are_lost_may_have_been_known() -> None:
    unknown = node("Lost", "zero", "s", domain="of.mine", name="lost")
    assert refused(unknown, node("Reshape", "x s")) == [WORD]


def test_all_are_listed_at_once() -> None:
    nodes = [
        LOST,
        node("Lost", "lost", "again", domain="of.mine", name="lost"),
        node("Cast", "again", "s", to=7),
        node("Reshape", "x s", "a"),
        node("Tile", "x s", "b"),
        node("Expand", "a s", "c"),
        node("Slice", "b s s"),
    ]
    found = refused(*nodes)
    assert found[:2] == [WORD] * 2
    assert [text.split(" node ")[0] for text in found[2:]] == ["Reshape", "Tile", "Expand", "Slice"]


def test_a_node_that_reads_lost_tensors_is_still_checked() -> None:
    with pytest.raises(ModelError, match="attribute 'axis' must be an integer"):
        import_model(model([LOST, node("Flatten", "x", "f", axis="no"), node("Add", "f lost")]))
    with pytest.raises(ModelError, match="has the name of another tensor"):
        import_model(model([LOST, node("Relu", "lost", "x")]))


def test_a_lost_input_is_followed() -> None:
    made = model([node("Cast", "x", "s", to=7), node("Reshape", "w s")], {"x": (2,), "w": ("N", 4)})
    made.graph.input[0].type.CopyFrom(helper.make_sequence_type_proto(made.graph.input[0].type))
    with pytest.raises(UnsupportedError) as caught:
        import_model(made)
    assert [text.split(":")[0] for text in caught.value.offenders] == ["input 'x'", "Reshape node 'y'"]
