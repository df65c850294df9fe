"""`glassrt extract`: a part of a model as a model of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..files.kinds import MODEL
from . import lazy
from .options import AsJson, OnnxModel
from .outputs import Written

From = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="NAME",
        help="A tensor that becomes an input, or a node whose inputs do; may be repeated. Default: the "
        "model's inputs.",
    ),
]
To = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        metavar="NAME",
        help="A tensor that becomes an output, or a node whose results do; may be repeated. Default: the "
        "model's outputs.",
    ),
]
Output = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="PART.onnx", help="The ONNX file to write."),
    Written(MODEL),
]


def extract(
    model: OnnxModel, output: Output, start: From = None, end: To = None, as_json: AsJson = False
) -> None:
    """Write the part of MODEL that computes the tensors --to from those --from as a model of its own."""
    part = lazy.extract(model, start or (), end or ())
    lazy.write_whole(output, lazy.content(part.SerializeToString()))
    graph = part.graph
    names = {"inputs": [v.name for v in graph.input], "outputs": [v.name for v in graph.output]}
    if as_json:
        lazy.write_json({"model": str(output), "nodes": len(graph.node), **names})
        return
    shown = "; ".join(f"{what} {', '.join(each)}" for what, each in names.items())
    lazy.write_text(lazy.printable(f"{output}: {len(graph.node)} nodes; {shown}"))
