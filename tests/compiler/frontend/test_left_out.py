"""All of ONNX is done or named: an op that the installed onnx has and the project does not fails here."""

from __future__ import annotations

from typing import Any

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


def newest() -> dict[str, Any]:
    """The newest definition of every op that is not deprecated, by name."""
    found = {}
    for schema in onnx.defs.get_all_schemas():
        if schema.domain in ("", PREVIEW_DOMAIN) and not schema.deprecated:
            found[schema.name] = schema
    return found


def by_body(schema: Any) -> bool:
    return bool(schema.has_function or schema.has_context_dependent_function)


def missing(definitions: dict[str, Any]) -> set[str]:
    """The ops that have neither an importer nor a body, and are not left out."""
    done = {name for name, schema in definitions.items() if name in IMPORTERS or by_body(schema)}
    return set(definitions) - done - set(LEFT_OUT)


def test_every_op_is_done_or_named() -> None:
    assert len(newest()) > 180
    assert missing(newest()) == set()


def test_a_new_op_is_noticed() -> None:
    schema = onnx.defs.OpSchema("Novel", "", 99)
    assert "Novel" in missing({**newest(), "Novel": schema})


def test_every_op_that_is_done_by_its_body_has_cases() -> None:
    """Of ops with an importer, every attribute has one (test_nothing_ignored.py)."""
    tried = {case.op.rpartition(".")[2] for case in cases().values()}
    bodies = {name for name, schema in newest().items() if name not in IMPORTERS and by_body(schema)}
    assert bodies - set(LEFT_OUT) <= tried


def test_the_newest_opset_is_that_of_the_installed_onnx() -> None:
    assert onnx.defs.onnx_opset_version() == NEWEST_OPSET


def test_every_domain_is_done_or_named() -> None:
    domains = {schema.domain for schema in onnx.defs.get_all_schemas_with_history()}
    assert domains - {"", PREVIEW_DOMAIN} <= set(DOMAINS_LEFT_OUT)


def test_what_is_left_out_is_there_and_not_done() -> None:
    assert set(LEFT_OUT) <= set(newest())
    assert not set(LEFT_OUT) & set(IMPORTERS)
    assert all(len(reason.split()) > 5 for reason in [*LEFT_OUT.values(), *DOMAINS_LEFT_OUT.values()])


@pytest.mark.parametrize("op", ["RandomNormalLike", "SequenceConstruct"])
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
