"""The ops of one level as boxes, kernels, branches and loops around what is in them, and who reads what."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ....dialects.control import ControlOp
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function
from ....dialects.core.traits import Trait, has
from ....dialects.launch import Kernel, kernels_in
from ....dialects.launch_control import LaunchControl
from ....dialects.launch_memory import Buffer, View
from ...memory.launch_accesses import root_of

INPUT, OUTPUT, OP, CONTROL = "input", "output", "op", "control"


@dataclass(frozen=True)
class OpBox:
    """An op, a branch or loop, an input or an output (`kind`).

    title: its name without its dialect; about: what tells it from others of that name; nodes: the ONNX nodes
    of all that is in it; lines: the first and the last of its lines in the text of the level, from 0, None
    for inputs and outputs; launch: the number of the launch that it is, at the launch level; inside: the
    boxes in it, with `edges` from the earlier to the later by number.
    """

    kind: str
    title: str
    about: str
    nodes: tuple[str, ...] = ()
    lines: tuple[int, int] | None = None
    launch: int | None = None
    inside: tuple[OpBox, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()


def boxes_of(function: Function, text: str) -> OpBox:
    """FUNCTION, which was parsed from TEXT, as the box around all of its ops, inputs and outputs. Weights,
    buffers and views of these have no boxes."""
    return _BoxReader(function, text).whole(function)


class _BoxReader:
    """What boxes need of the whole function: the number of each launch, and where lines begin."""

    def __init__(self, function: Function, text: str) -> None:
        self._numbers = {op: at for at, op in enumerate(kernels_in(function.block))}
        self._ends = [at for at, char in enumerate(text) if char == "\n"]

    def whole(self, function: Function) -> OpBox:
        named = zip(function.inputs, function.arguments, strict=True)
        boxes = [OpBox(INPUT, name, str(value.type)) for name, value in named]
        makers = {value: [at] for at, value in enumerate(function.arguments)}
        edges = self._fill(function.block, boxes, makers)
        for name, value in zip(function.outputs, function.returned, strict=True):
            edges += [(maker, len(boxes)) for maker in makers.get(root_of(value)[0], ())]
            boxes.append(OpBox(OUTPUT, name, str(value.type)))
        return OpBox(OP, "", "", inside=tuple(boxes), edges=tuple(edges))

    def _fill(
        self, block: Block, boxes: list[OpBox], makers: dict[Value, list[int]]
    ) -> list[tuple[int, int]]:
        """Add the ops of BLOCK to BOXES, and what each makes to MAKERS. Returns the edges between them."""
        edges: list[tuple[int, int]] = []
        for op in block:
            if _is_silent(op):
                continue
            at = len(boxes)
            sources = dict.fromkeys(maker for value in _read(op) for maker in makers.get(value, ()))
            edges += [(source, at) for source in sources]
            boxes.append(self._box(op))
            for value in _made(op):
                makers.setdefault(value, []).append(at)
        return edges

    def _box(self, op: Operation) -> OpBox:
        inside: list[OpBox] = []
        edges: list[tuple[int, int]] = []
        for region in op.regions:
            edges += self._fill(region.block, inside, {})
        nodes = dict.fromkeys(node for box in inside for node in box.nodes) or op.location.nodes
        title, about = _named(op, tuple(nodes))
        launch = self._numbers.get(op) if isinstance(op, Kernel) else None
        kind = CONTROL if isinstance(op, ControlOp | LaunchControl) else OP
        return OpBox(kind, title, about, tuple(nodes), self._lines(op), launch, tuple(inside), tuple(edges))

    def _lines(self, op: Operation) -> tuple[int, int] | None:
        starts = [each.location.place.start for each in op.walk() if each.location.place is not None]
        if not starts:
            return None
        first, last = (bisect_right(self._ends, at) for at in (min(starts), max(starts)))
        return first, last + bool(op.regions)  # its closing brace


def _is_silent(op: Operation) -> bool:
    """Whether OP computes nothing by itself."""
    return isinstance(op, Buffer | View) or has(op, Trait.CONSTANT) or has(op, Trait.TERMINATOR)


def _read(op: Operation) -> Iterator[Value]:
    """What OP, or an op inside of it, reads."""
    for each in op.walk():
        for value in each.reads if isinstance(each, Kernel) else each.inputs:
            yield root_of(value)[0]


def _made(op: Operation) -> Iterator[Value]:
    """What OP makes: its results, and the buffers that launches in it write."""
    yield from op.results
    for each in op.walk():
        if isinstance(each, Kernel):
            yield from dict.fromkeys(root_of(value)[0] for value in each.writes)


def _named(op: Operation, nodes: Sequence[str]) -> tuple[str, str]:
    """The title of the box of OP, and what it is about."""
    if isinstance(op, Kernel):
        return op.kernel, op.family
    root = op.attributes.get("root")
    if root is not None:
        return f"kernel {root}", _counted(nodes)
    return op.name.partition(".")[2], _counted(nodes)


def _counted(nodes: Sequence[str]) -> str:
    return "" if not nodes else nodes[0] if len(nodes) == 1 else f"{nodes[0]} +{len(nodes) - 1}"
