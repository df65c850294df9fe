"""An editor for ONNX graphs: producers and consumers of tensors, fresh names, removal of unused parts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from ...dialects.core.dtypes import DType
from ...errors import UnsupportedError
from ..files.packing import packed
from ..frontend.node_texts import node_label
from ..frontend.ordering import reads
from ..frontend.problems import shown
from ..frontend.weights import ELEMENT_CODES

Array = np.ndarray[Any, Any]
IDENTITIES = ("Identity", "Dropout")


class OnnxGraphs:
    """The graph of MODEL and those inside its nodes, under edit."""

    def __init__(self, model: ModelProto) -> None:
        self._all = list(_graphs(model.graph, "", set(_names(model.graph))))

    @property
    def main(self) -> OnnxGraph:
        return self._all[-1]

    def contraction(self, label: str) -> tuple[OnnxGraph, NodeProto]:
        """The contraction among the nodes called LABEL, and its graph. Raises UnsupportedError unless there
        is just one."""
        found = [
            (graph, node)
            for graph in self._all
            for node in graph.called(label)
            if node.op_type in ("Conv", "Gemm", "MatMul")
        ]
        if len(found) != 1:
            problem = "no node" if not found else f"{len(found)} nodes"
            raise UnsupportedError(
                f"the model has {problem} called {shown(label)} whose weights could be stored in eight bits",
                "nodes inside functions are reached after onnx.inliner; give every node a name of its own",
            )
        return found[0]

    def around(self, label: str) -> OnnxGraph:
        """The graph of the node called LABEL; the main one if no single graph has it."""
        found = [graph for graph in self._all if graph.called(label)]
        return found[0] if len(found) == 1 else self.main

    def finish(self) -> None:
        """As `OnnxGraph.finish` of all, inner ones first."""
        for graph in self._all:
            graph.finish()


def _graphs(graph: GraphProto, prefix: str, known: set[str]) -> Iterator[OnnxGraph]:
    """GRAPH, whose nodes' labels begin with PREFIX, after those inside its nodes; KNOWN are names in use."""
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
                inner = [attribute.g] if attribute.type == AttributeProto.GRAPH else attribute.graphs
                for each in inner:
                    yield from _graphs(each, f"{prefix}{node_label(node)}/", known)
    yield OnnxGraph(graph, prefix, known)


class OnnxGraph:
    """A GRAPH under edit, whose nodes have labels with a PREFIX. Nodes change at once; insertions and
    removals happen in `finish`. KNOWN are the names in use, to which new ones are added."""

    def __init__(self, graph: GraphProto, prefix: str, known: set[str]) -> None:
        self._graph = graph
        self._prefix = prefix
        self._first: list[NodeProto] = []
        self._before: dict[int, list[NodeProto]] = defaultdict(list)
        self._after: dict[int, list[NodeProto]] = defaultdict(list)
        self._nodes = list(self._graph.node)
        self._removed: set[int] = set()
        self._by_label: dict[str, list[NodeProto]] = defaultdict(list)
        self._makers: dict[str, NodeProto] = {}
        self._readers: dict[str, list[NodeProto]] = defaultdict(list)
        self._known = known
        self._numbers: Counter[str] = Counter()  # the last suffix tried for a name
        for node in self._nodes:
            self._by_label[self.label(node)].append(node)
            self._makers |= {name: node for name in node.output if name}
            for name in dict.fromkeys(node.input):
                self._readers[name].append(node)

    def label(self, node: NodeProto) -> str:
        """The name of NODE in the locations of ops."""
        return self._prefix + node_label(node)

    def called(self, label: str) -> list[NodeProto]:
        """The nodes of this graph called LABEL."""
        return self._by_label.get(label, [])

    def maker(self, name: str) -> NodeProto | None:
        """The producer of the tensor NAME; None for inputs and initializers."""
        return self._makers.get(name)

    def readers(self, name: str) -> list[tuple[NodeProto, str]]:
        """The consumers of the tensor NAME, each with the name it reads: NAME, or that of an identity."""
        found: list[tuple[NodeProto, str]] = []
        pending = [name]
        while pending:
            name = pending.pop()
            for node in self._readers.get(name, ()):
                if node.op_type in IDENTITIES and not node.domain and node.input[0] == name:
                    pending.append(node.output[0])
                else:
                    found.append((node, name))
        return found

    def read(self, node: NodeProto, old: str, new: str) -> None:
        """Make NODE read the tensor NEW instead of OLD."""
        for index, name in enumerate(node.input):
            if name == old:
                node.input[index] = new
        self._readers[new].append(node)

    def fresh(self, name: str) -> str:
        """NAME, with a numeric suffix if it is taken."""
        found = name
        while found in self._known:
            self._numbers[name] += 1
            found = f"{name}_{self._numbers[name] + 1}"
        self._known.add(found)
        return found

    def store(self, name: str, array: Array, dtype: DType) -> str:
        """Add an initializer of DTYPE; its name, which is NAME or a fresh name like it."""
        name = self.fresh(name)
        data = array.astype(dtype.numpy, copy=False)  # its bytes are in C order
        raw = packed(data) if dtype.is_packable else data.tobytes()
        proto = TensorProto(name=name, data_type=ELEMENT_CODES[dtype], dims=data.shape, raw_data=raw)
        self._graph.initializer.append(proto)
        return name

    def insert(
        self, node: NodeProto, *, before: NodeProto | None = None, after: NodeProto | None = None
    ) -> None:
        """Insert the new NODE before or after another node, or before all nodes."""
        if before is not None:
            self._before[id(before)].append(node)
        elif after is not None:
            self._after[id(after)].append(node)
        else:
            self._first.append(node)

    def give(self, node: NodeProto, name: str) -> None:
        """Make NODE produce the tensor NAME instead of its own; the old producer is removed."""
        old = self._makers.get(name)
        if old is not node:
            self.remove(old)
            node.output[0] = name

    def remove(self, node: NodeProto | None) -> None:
        """Remove NODE from the graph; nodes inserted before and after it stay."""
        self._removed.add(id(node))

    def finish(self) -> None:
        """Put all nodes in order, and remove nodes and initializers that are unused."""
        ordered = list(self._first)
        for node in self._nodes:
            itself = () if id(node) in self._removed else (node,)
            ordered += [*self._before[id(node)], *itself, *self._after[id(node)]]
        kept = _living(ordered, [value.name for value in self._graph.output])
        copies = [NodeProto.FromString(node.SerializeToString()) for node in kept]
        del self._graph.node[:]
        self._graph.node.extend(copies)
        _drop_unused(self._graph)


def _names(graph: GraphProto) -> Iterable[str]:
    """All names in GRAPH and in the graphs inside its nodes, which must not hide others."""
    for node in graph.node:
        yield from (node.name, *node.input, *node.output)
        for attribute in node.attribute:
            if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
                for inner in (attribute.g, *attribute.graphs):
                    yield from _names(inner)
    yield from (tensor.name for tensor in graph.initializer)
    for values in (graph.input, graph.output, graph.value_info):
        yield from (value.name for value in values)


def _living(nodes: list[NodeProto], outputs: Iterable[str]) -> list[NodeProto]:
    """The NODES, in order, that OUTPUTS depend on."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if any(name in wanted for name in node.output if name):
            kept.append(node)
            wanted.update(reads(node))
    return kept[::-1]


def _drop_unused(graph: GraphProto) -> None:
    """Remove unused initializers, their graph inputs, and the value infos of removed tensors."""
    read = {name for node in graph.node for name in reads(node)} | {value.name for value in graph.output}
    unused = {tensor.name for tensor in graph.initializer if tensor.name not in read}
    made = read.union(*(node.output for node in graph.node))
    _keep(graph.initializer, lambda each: each.name not in unused)
    _keep(graph.input, lambda each: each.name not in unused)
    _keep(graph.value_info, lambda each: each.name in made)


def _keep(repeated: Any, wanted: Any) -> None:
    kept = [each for each in repeated if wanted(each)]
    if len(kept) < len(repeated):
        copies = [type(each).FromString(each.SerializeToString()) for each in kept]
        del repeated[:]
        repeated.extend(copies)
