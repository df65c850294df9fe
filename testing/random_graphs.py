"""Whole random ONNX graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from onnx import ModelProto, helper, numpy_helper
from onnx.printer import to_text

from ..compiler.surgery.models import reads
from .choices import ChoiceSource, Drawn, Seeded
from .draft import IR_VERSION, OPSET, Draft, Unfit
from .makers import MAKERS
from .makers.control import attempt
from .nodes import Array, opsets

# Shapes of the inputs that a graph begins with; letters are sizes with names, or numbers.
LAYOUTS: tuple[tuple[tuple[int | str, ...], ...], ...] = (
    (("N", 2, 5, 4),),
    (("N", 3, "H", "W"), ("N", 3, "H", "W")),
    (("N", "T", 4),),
    (("N", "T", 4), ("N", "T", 4)),
    (("N", 4), ("K", 4)),
    (("N", 4), (4,)),
    (("N", 2, "T"),),
    (("N",), ("N",), ()),
    ((1, 4, 4, 4), (4, 4)),
    (("N", 2, "H", 4), (2, 1, 4)),
    (("N", "T", 4), ("N", 4), ("T",), ()),
    (("N", 3, 4), (3,), (3, 4)),
)
TRIES = 8  # for each step that a graph is to have


@dataclass(frozen=True)
class Graph:
    """A random model with inputs that it runs on.

    model: of opset 21; feeds: its inputs; sizes: of its dimensions with names, at which `feeds` are;
    smooth: no comparison or rounding in it turns small errors into large ones.
    """

    model: ModelProto
    feeds: Mapping[str, Array]
    sizes: Mapping[str, int]
    smooth: bool = True

    def __repr__(self) -> str:
        return f"Graph at {dict(self.sizes)} of\n{to_text(self.model)}"

    @property
    def ops(self) -> list[str]:
        """The operators of its nodes, in order."""
        return [node.op_type for node in self.model.graph.node]

    @property
    def shapes(self) -> dict[str, tuple[int, int, int]]:
        """Ranges around the sizes, as `glassrt.compile` takes them."""
        return self.shapes_of(self.model)

    def feeds_at(self, sizes: Mapping[str, int]) -> dict[str, Array]:
        """Inputs of the SIZES of dimensions with names: floats are drawn anew, the rest is as it was."""
        found = dict(self.feeds)
        for value in self.model.graph.input:
            dims = [sizes.get(d.dim_param, d.dim_value) for d in value.type.tensor_type.shape.dim]
            if found[value.name].dtype.kind == "f" and dims != list(found[value.name].shape):
                numbers = np.random.default_rng(len(dims)).standard_normal(dims)
                found[value.name] = numbers.astype(found[value.name].dtype)
        return found

    def shapes_of(self, model: ModelProto) -> dict[str, tuple[int, int, int]]:
        """`shapes` for MODEL, which was made from the model of this graph."""
        names = {d.dim_param for v in model.graph.input for d in v.type.tensor_type.shape.dim}
        return {name: (1, self.sizes[name], 8) for name in sorted(names - {""})}


def grown(
    choices: ChoiceSource,
    most: int = 8,
    makers: Sequence[str] | None = None,
    must: Sequence[str] = (),
    symbols: bool | None = None,
    special: bool = False,
) -> Graph:
    """A graph of about MOST steps by the CHOICES, at most twice as many.

    MAKERS are the names of the makers to use, all that are registered by default; those of MUST come first.
    SYMBOLS says whether sizes have names, else chance does; SPECIAL puts NaN and infinities into the inputs.
    Raises Unfit where a maker of MUST fits nothing that was there.
    """
    draft = Draft(choices, {}, special)
    named = draft.chance(40) if symbols is None else symbols
    for name in "NHWTK":
        draft.sizes[name] = draft.integer(1, 5)
    for dims in draft.choice(*LAYOUTS):
        draft.input(*(draft.sizes[d] if isinstance(d, str) and not named else d for d in dims))
    for maker in must:
        if not any(attempt(draft, [maker]) for _ in range(TRIES)):
            raise Unfit(f"nothing fits {maker}")
    names = list(MAKERS) if makers is None else list(makers)
    # Whether there is a next step is asked at each, so that hypothesis can take any of them away.
    for _ in range(most * 2):
        if len(draft.nodes) and not draft.integer(0, most):
            break
        attempt(draft, names)
    return _finished(draft)


def _finished(draft: Draft) -> Graph:
    """The graph of DRAFT: what nothing reads is an output, but now and then a dead branch stays."""
    if not draft.nodes:
        draft.add("Identity", draft.floats[0])
    read = {name for node in draft.nodes for name in reads(node)}
    made = [name for name in draft.floats if any(name in node.output for node in draft.nodes)]
    outputs = [name for name in made if name not in read and not draft.chance(15)]
    outputs += [name for name in made if name in read and draft.chance(15)]
    outputs = (outputs or made[-1:])[-4:]
    used = {name: dims for name, dims in draft.inputs.items() if name in read or name in outputs}
    stored = [numpy_helper.from_array(a, name) for name, a in draft.constants.items() if name in read]
    inputs = [_value(draft, name, dims) for name, dims in used.items()]
    results = [_value(draft, name, [None] * draft.rank(name)) for name in outputs]
    graph = helper.make_graph(draft.nodes, "random", inputs, results, stored)
    model = helper.make_model(graph, opset_imports=opsets(draft.nodes, OPSET), ir_version=IR_VERSION)
    feeds = {name: draft.values[name] for name in used}
    return Graph(model, feeds, dict(draft.sizes), draft.smooth)


def _value(draft: Draft, name: str, dims: Sequence[int | str | None]) -> Any:
    kind = helper.np_dtype_to_tensor_dtype(draft.values[name].dtype)
    return helper.make_tensor_value_info(name, kind, dims)


def seeded(seed: int | str, **options: Any) -> Graph:
    """The graph of SEED, with the options of `grown`: the same on every machine."""
    return grown(Seeded(seed), **options)


def graphs(
    most: int = 8,
    makers: Sequence[str] | None = None,
    must: Sequence[str] = (),
    symbols: bool | None = None,
    special: bool = False,
) -> SearchStrategy[Graph]:
    """Random graphs, which hypothesis shrinks; see `grown` for the arguments."""

    @st.composite
    def drawn(draw: DrawFn) -> Graph | None:
        try:
            return grown(Drawn(lambda each: draw(each)), most, makers, must, symbols, special)
        except Unfit:
            return None

    return drawn().filter(lambda graph: graph is not None)  # type: ignore[return-value]
