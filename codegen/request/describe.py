"""Human-readable names for kernels, made from op names alone: no text of the model reaches a template."""

from __future__ import annotations

from ...dialects.core.ir import Block
from ..text.render import Code
from .request import Request

MAX_TITLE_OPS = 12


def title(request: Request) -> Code:
    """The ops of a kernel, as `conv, add, relu`, for the head comment of its source."""
    names = [op.name.removeprefix("graph.") for op in request.ops if op.name != "graph.constant"]
    shown = names[:MAX_TITLE_OPS] + (
        [f"and {len(names) - MAX_TITLE_OPS} more"] if len(names) > MAX_TITLE_OPS else []
    )
    return Code(", ".join(shown) or "copy")


def ops_in(block: Block) -> str:
    """The ops of a kernel's region BLOCK, as `conv, add, relu`, for tables; without constants and casts."""
    names = [inner.name.removeprefix("graph.") for inner in block if inner.next is not None]
    return ", ".join(name for name in names if name not in ("constant", "cast")) or "copy"


def label(request: Request) -> str:
    """The readable part of a kernel's name, as `conv_add_relu`: at most four distinct ops."""
    names = [op.name.rpartition(".")[2] for op in request.ops]
    kept = [name for name in names if name not in ("constant", "cast", "reshape")] or ["copy"]
    return "_".join(dict.fromkeys(kept[:4]))
