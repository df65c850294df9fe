"""Words for kernels, made of op names alone: nothing from the model reaches a template."""

from __future__ import annotations

from ...dialects.core.ir import Block
from ..text.render import Code
from .request import Request

MAX_TITLE_OPS = 12


def title(request: Request) -> Code:
    """`conv, add, relu` for the header of the emitted file."""
    names = [op.name.removeprefix("graph.") for op in request.ops if op.name != "graph.constant"]
    shown = names[:MAX_TITLE_OPS] + (
        [f"and {len(names) - MAX_TITLE_OPS} more"] if len(names) > MAX_TITLE_OPS else []
    )
    return Code(", ".join(shown) or "copy")


def ops_in(block: Block) -> str:
    """`conv, add, relu`: what the kernel of a region BLOCK does, for tables."""
    names = [inner.name.removeprefix("graph.") for inner in block if inner.next is not None]
    return ", ".join(name for name in names if name not in ("constant", "cast")) or "copy"


def label(request: Request) -> str:
    """`conv_add_relu`: the readable part of a kernel's name."""
    names = [op.name.removeprefix("graph.") for op in request.ops]
    kept = [name for name in names if name not in ("constant", "cast", "reshape")] or ["copy"]
    return "_".join(dict.fromkeys(kept[:4]))
