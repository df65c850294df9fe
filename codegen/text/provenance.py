"""The line of a kernel's head comment that names the ONNX nodes it comes from.

It is the only line of a source that holds names of the model, spelled in an alphabet that no compiler
takes for more than a comment. Nothing else of the source depends on them, and neither does the key of a
compiled kernel.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...dialects.core.location import Location

MAX_NODES, MAX_LAUNCHES, MAX_NAME = 8, 4, 60
_START = "// from ONNX nodes "
_UNSPELLABLE = re.compile(r"[^A-Za-z0-9_.:/-]")
_WORDS = re.compile(r"\b(?:_*asm_*|_Pragma)\b")  # which `source_check` refuses even in a comment


def provenance(locations: Sequence[Location]) -> str:
    """`// from ONNX nodes conv_6, relu_7; conv_9, relu_10`: what the launches of one kernel stand for.

    Long names and lists are cut, and `~` stands for a character that has no place in a comment. Empty when
    no node is known.
    """
    named = list(dict.fromkeys(location.nodes for location in locations if location.nodes))
    launches = [_nodes(nodes) for nodes in named[:MAX_LAUNCHES]]
    return _START + _listed(launches, len(named), "; ") if launches else ""


def with_provenance(source: str, locations: Sequence[Location]) -> str:
    """SOURCE, in whose head comment a second line names the ONNX nodes of the launches at LOCATIONS."""
    head, rest = source.split("\n", 1)
    line = provenance(locations)
    return f"{head}\n{line}\n{rest}" if line else source


def without_provenance(source: str) -> str:
    """SOURCE as it is whatever the nodes are called."""
    head, _, rest = source.partition("\n")
    line, _, below = rest.partition("\n")
    return f"{head}\n{below}" if line.startswith(_START) else source


def _nodes(nodes: Sequence[str]) -> str:
    return _listed([_spelled(node) for node in nodes[:MAX_NODES]], len(nodes), ", ")


def _listed(shown: Sequence[str], count: int, separator: str) -> str:
    """SHOWN, and how many more there are of COUNT."""
    rest = [f"and {count - len(shown)} more"] if count > len(shown) else []
    return separator.join([*shown, *rest])


def _spelled(node: str) -> str:
    return _WORDS.sub("~", _UNSPELLABLE.sub("~", node[:MAX_NAME]))
