"""The topological order of nodes. The standard requires it of a file, but runtimes sort files without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush

from onnx import AttributeProto, NodeProto


def in_order(nodes: Sequence[NodeProto]) -> Sequence[NodeProto]:
    """NODES in topological order, otherwise in their own order.

    Nodes of a cycle, and those that depend on them, come last: the walk over the nodes reports the cycle.
    """
    makers = {name: place for place, node in reversed(list(enumerate(nodes))) for name in node.output if name}
    if all(makers.get(name, -1) < place for place, node in enumerate(nodes) for name in reads(node)):
        return nodes
    needed = [{makers[name] for name in reads(node) if name in makers} for node in nodes]
    return [nodes[place] for place in _sorted(needed)]


def last_reads(nodes: Sequence[NodeProto], kept: Iterable[str]) -> list[list[str]]:
    """For each of NODES those names that it reads or gives and no later one reads, but for those KEPT."""
    seen, found = set(kept), []
    for node in reversed(nodes):
        names = {name for name in (*reads(node), *node.output) if name}
        found.append(sorted(names - seen))
        seen |= names
    return found[::-1]


def _sorted(needed: Sequence[set[int]]) -> list[int]:
    """The positions in topological order; NEEDED has each node's producers. Ties keep their order."""
    readers: list[list[int]] = [[] for _ in needed]
    for reader, places in enumerate(needed):
        for place in places:
            readers[place].append(reader)
    missing = [len(places) for places in needed]
    ready = [place for place, count in enumerate(missing) if count == 0]
    heapify(ready)
    order: list[int] = []
    while ready:
        order.append(heappop(ready))
        for reader in readers[order[-1]]:
            missing[reader] -= 1
            if missing[reader] == 0:
                heappush(ready, reader)
    return order + [place for place, count in enumerate(missing) if count]


def reads(node: NodeProto) -> Iterator[str]:
    """The names that NODE reads, including those that its subgraphs read."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
            for graph in (attribute.g, *attribute.graphs):
                yield from (value.name for value in graph.output)
                for inner in graph.node:
                    yield from reads(inner)
