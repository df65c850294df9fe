"""The launches of a plan as a graph for Graphviz, in its language DOT."""

from __future__ import annotations

from collections.abc import Iterator

from ....dialects.core.parser import parse_module
from ....errors import IRError, PlanError
from ....runtime.plan import Plan
from ...passes.levels import ALL_DIALECTS
from ..words import printable
from .boxes import INPUT, OUTPUT, OpBox, boxes_of

_HEAD = """digraph plan {
  graph [compound = true, fontname = "Helvetica", fontsize = 11];
  node [shape = box, style = "rounded,filled", fillcolor = white, fontname = "Helvetica", fontsize = 10];
"""


def dot_text(plan: Plan) -> str:
    """The launch level of PLAN: a cluster of ops for each launch, called after their ONNX nodes, with edges
    for what they read. Raises PlanError where the text of the level is damaged."""
    text = plan.ir("launch")
    try:
        function = parse_module(text, ALL_DIALECTS, file="launch.ir").main
    except IRError as error:
        raise PlanError.of(error.diagnostic.within("the plan's launch level is damaged")) from None
    return f"{_HEAD}{''.join(_lines(boxes_of(function, text), 'n', '  '))}}}\n"


def _lines(around: OpBox, prefix: str, indent: str) -> Iterator[str]:
    """What is inside of AROUND, whose boxes have names that begin with PREFIX."""
    for at, box in enumerate(around.inside):
        name = f"{prefix}_{at}"
        if not box.inside:
            shape = ", shape = oval" if box.kind in (INPUT, OUTPUT) else ""
            yield f"{indent}{name} [label = {_label(box)}{shape}];\n"
            continue
        yield f"{indent}subgraph cluster_{name} {{\n"
        yield f'{indent}  label = {_label(box)}; style = "rounded,filled"; fillcolor = "#eef2f8";\n'
        yield from _lines(box, name, f"{indent}  ")
        yield f"{indent}}}\n"
    for source, target in around.edges:
        yield f"{indent}{_edge(around, prefix, source, target)};\n"


def _edge(around: OpBox, prefix: str, source: int, target: int) -> str:
    """An edge; one of a cluster goes from its last op, or to its first, and is cut at its border."""
    first, tail = _end(around.inside[source], f"{prefix}_{source}", -1)
    last, head = _end(around.inside[target], f"{prefix}_{target}", 0)
    cut = [f"{key} = cluster_{name}" for key, name in (("ltail", tail), ("lhead", head)) if name]
    traits = f" [{', '.join(cut)}]" if cut else ""
    return f"{first} -> {last}{traits}"


def _end(box: OpBox, name: str, at: int) -> tuple[str, str]:
    """The op that stands for BOX, and the cluster around it, if it is one."""
    inner, own = name, box
    while own.inside:
        inner = f"{inner}_{at % len(own.inside)}"
        own = own.inside[at]
    return inner, name if box.inside else ""


def _label(box: OpBox) -> str:
    lines = [box.title, box.about] if box.about else [box.title]
    return '"' + "\\n".join(_quoted(line) for line in lines) + '"'


def _quoted(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
