"""Property tests for one's own rules, ops and models: random tensors and graphs, oracles, and checks.

    from glassrt.testing import assert_agrees, graphs

    @given(graphs(must=["conv_block"]))
    def test_my_networks(graph):
        assert_agrees(graph, device="host")

Needs hypothesis and ONNX Runtime, which `pip install glassrt[testing]` brings. docs/testing.md is the guide.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import UnsupportedError

if TYPE_CHECKING:
    from ..compiler.reduction.reduce import reduced
    from .asserts import (
        assert_agrees,
        assert_metamorphic,
        assert_node_agrees,
        assert_op_agrees,
        assert_rewrite_keeps_meaning,
        assert_rewrite_keeps_meaning_of,
        imported,
    )
    from .campaigns import Campaign, fuzz
    from .draft import Draft, Unfit
    from .makers import MAKERS, node_maker
    from .net import Net
    from .random_graphs import Graph, graphs, seeded
    from .strategies import axes_of, broadcast_shapes, dtypes, numbers, shapes, sizes, tensors

_HOMES = {
    "asserts": (
        "assert_agrees", "assert_metamorphic", "assert_node_agrees", "assert_op_agrees",
        "assert_rewrite_keeps_meaning", "assert_rewrite_keeps_meaning_of", "imported",
    ),
    "draft": ("Draft", "Unfit"),
    "campaigns": ("Campaign", "fuzz"),
    "random_graphs": ("Graph", "graphs", "seeded"),
    "makers": ("MAKERS", "node_maker"),
    "net": ("Net",),
    ".compiler.reduction.reduce": ("reduced",),
    "strategies": ("axes_of", "broadcast_shapes", "dtypes", "numbers", "shapes", "sizes", "tensors"),
}  # fmt: skip
_LAZY = {name: home for home, names in _HOMES.items() for name in names}
NEEDED = ("hypothesis", "onnxruntime")


def __getattr__(name: str) -> Any:
    """A name of the package, loaded when it is first used; UnsupportedError where a library lacks."""
    if name not in _LAZY:
        raise AttributeError(f"module 'glassrt.testing' has no attribute {name!r}")
    try:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        message = f"glassrt.testing needs {error.name}, which is not installed"
        raise UnsupportedError(message, "pip install 'glassrt[testing]'") from None


__all__ = [
    "MAKERS",
    "Campaign",
    "Draft",
    "Graph",
    "Net",
    "Unfit",
    "assert_agrees",
    "assert_metamorphic",
    "assert_node_agrees",
    "assert_op_agrees",
    "assert_rewrite_keeps_meaning",
    "assert_rewrite_keeps_meaning_of",
    "axes_of",
    "broadcast_shapes",
    "dtypes",
    "fuzz",
    "graphs",
    "imported",
    "node_maker",
    "numbers",
    "reduced",
    "seeded",
    "shapes",
    "sizes",
    "tensors",
]
