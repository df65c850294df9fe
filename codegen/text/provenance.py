"""The line of a kernel's head comment that names the ONNX nodes it comes from.

It is the only line of a source that contains names from the model. They are reduced to characters that
cannot end the comment or start a directive. Neither the rest of the source nor the cache key of the
compiled kernel depends on them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...dialects.core.location import Location

MAX_NODES, MAX_LAUNCHES, MAX_NAME = 8, 4, 60
_START = "// from ONNX nodes "
_UNSPELLABLE = re.compile(r"[^A-Za-z0-9_.:/-]")
_WORDS = re.compile(r"\b(?:_*asm_*|_Pragma)\b")  # `source_check` rejects these even in a comment


def provenance(locations: Sequence[Location]) -> str:
    """A comment such as `// from ONNX nodes conv_6, relu_7; conv_9, relu_10`: the nodes of each launch.

    LOCATIONS are those of all launches of one kernel. Long names and lists are cut, and characters that are
    not allowed in the comment become `~`. Empty when no node is known.
    """
    named = list(dict.fromkeys(location.nodes for location in locations if location.nodes))
    launches = [_nodes(nodes) for nodes in named[:MAX_LAUNCHES]]
    return _START + _listed(launches, len(named), "; ") if launches else ""


def with_provenance(source: str, locations: Sequence[Location]) -> str:
    """SOURCE with a second head comment line that names the ONNX nodes of the launches at LOCATIONS."""
    head, rest = source.split("\n", 1)
    line = provenance(locations)
    return f"{head}\n{line}\n{rest}" if line else source


def without_provenance(source: str) -> str:
    """SOURCE without the line that names ONNX nodes, as a cache key needs it."""
    head, _, rest = source.partition("\n")
    line, _, below = rest.partition("\n")
    return f"{head}\n{below}" if line.startswith(_START) else source


def _nodes(nodes: Sequence[str]) -> str:
    return _listed([_spelled(node) for node in nodes[:MAX_NODES]], len(nodes), ", ")


def _listed(shown: Sequence[str], count: int, separator: str) -> str:
    """SHOWN as a list, followed by how many of COUNT are left out."""
    rest = [f"and {count - len(shown)} more"] if count > len(shown) else []
    return separator.join([*shown, *rest])


def _spelled(node: str) -> str:
    return _WORDS.sub("~", _UNSPELLABLE.sub("~", node[:MAX_NAME]))
