"""Ops of the standard, and those that are not done."""

from __future__ import annotations

from typing import Any

import onnx
from glassrt.compiler.frontend.functions import PREVIEW_DOMAIN


def newest() -> dict[str, Any]:
    """The newest definition of every op that is not deprecated, by name."""
    found = {}
    for schema in onnx.defs.get_all_schemas():
        if schema.domain in ("", PREVIEW_DOMAIN) and not schema.deprecated:
            found[schema.name] = schema
    return found


def by_body(schema: Any) -> bool:
    return bool(schema.has_function or schema.has_context_dependent_function)
