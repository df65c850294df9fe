"""All of ONNX is done or named: an op that the installed onnx has and the project does not fails here."""

from __future__ import annotations

import onnx
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.functions import PREVIEW_DOMAIN
from glassrt.compiler.frontend.left_out import DOMAINS_LEFT_OUT, LEFT_OUT
from glassrt.compiler.frontend.reading import NEWEST_OPSET
from glassrt.compiler.frontend.registry import IMPORTERS
from glassrt.errors import UnsupportedError
from onnx import helper

from ...conformance.cases import cases
from .graphs import model
from .left_out import by_body, newest


def test_every_op_that_is_done_by_its_body_has_cases() -> None:
    """Of ops with an importer, every attribute has one (test_nothing_ignored.py)."""
    tried = {case.op.rpartition(".")[2] for case in cases().values()}
    bodies = {name for name, schema in newest().items() if name not in IMPORTERS and by_body(schema)}
    assert bodies - set(LEFT_OUT) <= tried


def test_the_newest_opset_is_that_of_the_installed_onnx() -> None:
    assert onnx.defs.onnx_opset_version() == NEWEST_OPSET


def test_what_is_left_out_is_there_and_not_done() -> None:
    assert set(LEFT_OUT) <= set(newest())
    assert not set(LEFT_OUT) & set(IMPORTERS)
    assert all(len(reason.split()) > 5 for reason in [*LEFT_OUT.values(), *DOMAINS_LEFT_OUT.values()])


@pytest.mark.parametrize("op", ["RandomNormalLike", "OptionalHasElement"])
def test_the_reason_is_told(op: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        import_model(model([helper.make_node(op, ["x"], ["y"])], {"x": (3,)}, opset=20))
    assert LEFT_OUT[op] in str(caught.value)


def test_an_op_of_the_preview_domain_is_done_by_its_body() -> None:
    made = helper.make_node("FlexAttention", ["x", "x", "x"], ["y"], domain=PREVIEW_DOMAIN)
    info = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 2, 3, 4]) for name in "xy"]
    opsets = [helper.make_opsetid("", 26), helper.make_opsetid(PREVIEW_DOMAIN, 1)]
    graph = helper.make_graph([made], "g", info[:1], info[1:])
    module = import_model(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    assert "graph.matmul" in {op.name for op in module.walk()}
