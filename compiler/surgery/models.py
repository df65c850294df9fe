"""What ONNX nodes read, and parts of models as models of their own. Nothing here changes the model it is
given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

# The declaration of a tensor as an input or an output, by its name.
Declare = Callable[[str], ValueInfoProto]


def bodies(node: NodeProto) -> Iterator[GraphProto]:
    """The subgraphs of NODE."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def reads(node: NodeProto) -> list[str]:
    """The tensors that NODE reads, those that its bodies capture among them; each once."""
    found = dict.fromkeys(name for name in node.input if name)
    for body in bodies(node):
        found |= dict.fromkeys(captures(body))
    return list(found)


def captures(graph: GraphProto) -> list[str]:
    """The tensors around GRAPH that it reads; each once."""
    own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    found: dict[str, None] = {}
    for node in graph.node:
        found |= dict.fromkeys(name for name in reads(node) if name not in own)
        own |= set(node.output)
    found |= dict.fromkeys(value.name for value in graph.output if value.name not in own)
    return list(found)


def copied(model: ModelProto) -> ModelProto:
    """A copy of MODEL."""
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def part_of(
    model: ModelProto,
    nodes: Sequence[NodeProto],
    outputs: Sequence[ValueInfoProto],
    inputs: Sequence[ValueInfoProto],
    constants: Sequence[TensorProto] = (),
) -> ModelProto:
    """A model of those of NODES that OUTPUTS need.

    Its inputs are those of MODEL that are still needed, then the INPUTS beside them that are; CONSTANTS are
    initializers beside the model's own. Functions, opsets and metadata are the model's.
    """
    graph, needed = model.graph, {value.name for value in outputs}
    kept = []
    for node in reversed(nodes):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(reads(node))
    new = {value.name for value in inputs} | {tensor.name for tensor in constants}
    given = {value.name: value for value in [*graph.input, *inputs]}
    stored = [tensor for tensor in graph.initializer if tensor.name not in new]
    sparse = [each for each in graph.sparse_initializer if each.values.name in needed - new]
    result = _without_graph(model)
    made = result.graph
    made.name = graph.name
    made.node.extend(kept[::-1])
    made.initializer.extend(tensor for tensor in [*stored, *constants] if tensor.name in needed)
    made.sparse_initializer.extend(sparse)
    fixed = {tensor.name for tensor in constants}
    made.input.extend(value for name, value in given.items() if name in needed and name not in fixed)
    made.output.extend(outputs)
    inside = {name for node in kept for name in node.output} - {value.name for value in outputs}
    made.value_info.extend(value for value in graph.value_info if value.name in inside)
    return result


def _without_graph(model: ModelProto) -> ModelProto:
    """MODEL's head: everything but its graph."""
    return ModelProto(
        ir_version=model.ir_version,
        producer_name=model.producer_name,
        producer_version=model.producer_version,
        domain=model.domain,
        model_version=model.model_version,
        doc_string=model.doc_string,
        opset_import=model.opset_import,
        functions=model.functions,
        metadata_props=model.metadata_props,
    )


def borders(graph: GraphProto, nodes: Collection[int]) -> tuple[list[str], list[str]]:
    """What the nodes of GRAPH at the positions NODES need of the others, and what these, or the model's
    outputs, need of them; what nobody reads is counted among the latter."""
    inside = [graph.node[at] for at in sorted(nodes)]
    made = {name for node in inside for name in node.output if name}
    stored = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    stored |= {each.values.name for each in graph.sparse_initializer}
    read = dict.fromkeys(name for node in inside for name in reads(node))
    entering = [name for name in read if name not in made and name not in stored]
    outside = {name for at, node in enumerate(graph.node) if at not in nodes for name in reads(node)}
    outside |= {value.name for value in graph.output}
    leaving = [n for node in inside for n in node.output if n and (n in outside or n not in read)]
    return entering, leaving


def initial_names(graph: GraphProto) -> set[str]:
    """The initializers of GRAPH."""
    sparse = {each.values.name for each in graph.sparse_initializer}
    return {tensor.name for tensor in graph.initializer} | sparse
