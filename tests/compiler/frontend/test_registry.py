"""Every op of the standard is done or named as left out."""

from __future__ import annotations

from typing import Any

import onnx
from glassrt.compiler.frontend.functions import PREVIEW_DOMAIN
from glassrt.compiler.frontend.left_out import DOMAINS_LEFT_OUT, LEFT_OUT
from glassrt.compiler.frontend.registry import IMPORTERS

from .left_out import by_body, newest


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


def test_every_domain_is_done_or_named() -> None:
    domains = {schema.domain for schema in onnx.defs.get_all_schemas_with_history()}
    assert domains - {"", PREVIEW_DOMAIN} <= set(DOMAINS_LEFT_OUT)
