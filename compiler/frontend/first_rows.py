"""How many of the first rows of a tensor are read, according to the model.

Detectors keep the best hundred of the boxes that NonMaxSuppression selects, one per step; with that known,
the loop ends early. The tensor may pass through branches and column selections before it is sliced.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from .external import ExternalFiles
from .weights import read_tensor

MOST_STEPS = 32  # ops between a tensor and its slice
ALL = 2**31  # all rows


class FirstRows:
    """Answers for the tensors of MODEL by name; tensors of the same name in different branches count as
    one."""

    def __init__(self, model: ModelProto, files: ExternalFiles) -> None:
        self._model = model
        self._files = files
        self._known: dict[str, int] = {}

    @cached_property
    def _uses(self) -> _Uses:
        return _Uses(self._model)

    def most(self, name: str, steps: int = MOST_STEPS) -> int:
        """The number of first rows of the tensor NAME that are read; ALL if no limit is known."""
        if name not in self._known:
            self._known[name] = ALL  # for cycles in a damaged model
            found = [self._read(node, place, steps) for node, place in self._uses.readers[name]]
            given = self._uses.given[name]
            found += [ALL if outer is None or not steps else self.most(outer, steps - 1) for outer in given]
            self._known[name] = max(found, default=ALL)
        return self._known[name]

    def _read(self, node: NodeProto, place: int, steps: int) -> int:
        """The number of rows that NODE reads of its input PLACE, including reads of NODE's result."""
        if place != 0 or not steps or not node.output or node.domain not in ("", "ai.onnx"):
            return ALL
        rows: range | None = None  # the rows of NODE's input that its result has
        match node.op_type:
            case "Cast" | "Identity":
                rows = range(ALL)
            case "Gather" if any(each.name == "axis" and each.i > 0 for each in node.attribute):
                rows = range(ALL)
            case "Squeeze" if min(self._numbers(node, 1), default=0) > 0:
                rows = range(ALL)
            case "Slice":
                rows = self._sliced(node)
        if rows is None:
            return ALL
        count = min(self.most(node.output[0], steps - 1), len(rows))
        return rows[count - 1] + 1 if count else 0

    def _sliced(self, node: NodeProto) -> range | None:
        """The rows that the Slice NODE takes: all of them, or known ones in order; else None."""
        columns = [self._numbers(node, place) for place in (1, 2, 3)]
        steps = self._numbers(node, 4) if len(node.input) > 4 else [1] * len(columns[0])
        for start, end, axis, step in zip(*columns, steps, strict=False):
            if axis == 0 and start >= 0 and 0 <= end < ALL and step > 0:
                return range(start, end, step)
        return range(ALL) if min(columns[2], default=0) > 0 else None

    def _numbers(self, node: NodeProto, place: int) -> Sequence[int]:
        """The constant integers of input PLACE of NODE; empty if they are not known."""
        name = node.input[place] if place < len(node.input) else ""
        found = self._uses.constants.get(name)
        if found is None or self._uses.makers[name] != 1:
            return []
        return list(map(int, read_tensor(found, self._files).reshape(-1)))


class _Uses:
    """The uses of a model's tensors by name.

    readers: the nodes that read a tensor, with the input position. given: the outputs of an If that a
    branch's output becomes, None for outputs of the model and of other regions. makers: how many tensors have
    the name, in the model, its regions and its functions. constants: the values of integer constants.
    """

    def __init__(self, model: ModelProto) -> None:
        self.readers: dict[str, list[tuple[NodeProto, int]]] = defaultdict(list)
        self.given: dict[str, list[str | None]] = defaultdict(list)
        self.makers = Counter[str]()
        self.constants: dict[str, TensorProto] = {}
        self._graph(model.graph, ())
        for function in model.functions:
            self.makers.update(function.input)
            self._nodes(function.node)
            self._give(function.output, ())

    def _graph(self, graph: GraphProto, given: Sequence[str]) -> None:
        self.makers.update(value.name for value in graph.input)
        for tensor in graph.initializer:  # callers may override an initializer that is also an input
            self.makers[tensor.name] += 1
            self._constant(tensor.name, tensor)
        self._nodes(graph.node)
        self._give([value.name for value in graph.output], given)

    def _give(self, names: Iterable[str], given: Sequence[str]) -> None:
        for place, name in enumerate(names):
            self.given[name].append(given[place] if place < len(given) else None)

    def _constant(self, name: str, tensor: TensorProto) -> None:
        if tensor.data_type in (TensorProto.INT32, TensorProto.INT64) and len(tensor.dims) < 2:
            self.constants[name] = tensor

    def _nodes(self, nodes: Iterable[NodeProto]) -> None:
        for node in nodes:
            self.makers.update(node.output)
            for place, name in enumerate(node.input):
                self.readers[name].append((node, place))
            for attribute in node.attribute:
                if node.op_type == "Constant" and attribute.name == "value" and node.output:
                    self._constant(node.output[0], attribute.t)
                if attribute.type == AttributeProto.GRAPH:
                    self._graph(attribute.g, list(node.output) if node.op_type == "If" else ())
