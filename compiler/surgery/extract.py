"""Takes a part of an ONNX model, between tensors, as a model of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import onnx
from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto
from onnx.external_data_helper import load_external_data_for_model

from ...errors import InputError, ModelError
from ..frontend.reading import Source, read_model
from .models import captures, copied, initial_names, part_of, reads

SHOWN = 8  # names in a hint


def extract(
    model: Source, start: str | Sequence[str] = (), end: str | Sequence[str] = ()
) -> ModelProto:
    """The part of MODEL (a path, bytes or a ModelProto) that computes END from START.

    start: a tensor that becomes an input, or a node, whose own inputs do, besides weights, or several;
    empty: the model's inputs. end: likewise what becomes outputs; empty: the model's outputs. Inputs of the
    model that are needed besides are kept. Types and shapes of new inputs are those that the model states
    or that follow from them; names of dimensions stay.

    Raises InputError for a name that is neither, and where START has no part in END; ModelError for a tensor
    whose type does not follow.
    """
    start, end = ((each,) if isinstance(each, str) else each for each in (start, end))
    proto = whole_model(model)
    graph = proto.graph
    known = declared(proto)
    names = _ModelNames(graph)
    entries = list(dict.fromkeys(name for each in start for name in names.entering(each)))
    results = list(dict.fromkeys(name for each in end for name in names.leaving(each)))
    outputs = [_typed(known, name) for name in results] if end else list(graph.output)
    fresh = [name for name in entries if name not in names.inputs]
    cut = [node for node in graph.node if not set(node.output) & set(fresh)]
    part = part_of(proto, cut, outputs, [_typed(known, name) for name in fresh])
    there = {value.name for value in part.graph.input} | {value.name for value in part.graph.output}
    unused = [name for name in entries if name not in there]
    if unused:
        ends = ", ".join(value.name for value in outputs[:SHOWN])
        raise InputError(f"'{unused[0]}' has no part in {ends}", "give tensors that lie before them")
    _check_whole(part)
    return part


def whole_model(source: Source) -> ModelProto:
    """The model of SOURCE with all of its weights inside; a copy. Raises ModelError."""
    model = read_model(source)
    proto = copied(model.proto)
    if model.folder is not None:
        try:
            load_external_data_for_model(proto, str(model.folder))
        except (OSError, ValueError, onnx.checker.ValidationError) as error:
            raise ModelError(f"the model's external data cannot be read: {error}") from None
    return proto


def declared(model: ModelProto) -> dict[str, ValueInfoProto]:
    """The type and the shape of every tensor of MODEL that states them, or of which they follow."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except (RuntimeError, ValueError):  # what onnx raises for models that it cannot follow, or that are large
        inferred = model.graph
    found = [*inferred.value_info, *inferred.output, *inferred.input]
    return {value.name: value for value in found}


def _typed(known: Mapping[str, ValueInfoProto], name: str) -> ValueInfoProto:
    """The declaration of the tensor NAME. Raises ModelError where its element type is not known."""
    value = known.get(name)
    if value is None or not value.type.WhichOneof("value"):
        raise ModelError(
            f"the type of '{name}' does not follow from the model",
            "state it in the model's value_info, or cut at another tensor",
        )
    return value


class _ModelNames:
    """Names of tensors and of nodes in a graph."""

    def __init__(self, graph: GraphProto) -> None:
        self.inputs = {value.name for value in graph.input}
        self._fixed = initial_names(graph)
        self._made = {name for node in graph.node for name in node.output if name}
        self._nodes = {node.name: node for node in graph.node if node.name}

    def entering(self, name: str) -> list[str]:
        """The tensors that `--from NAME` stands for."""
        if name in self._made or name in self.inputs:
            return [name]
        node = self._node(name)
        return [each for each in reads(node) if each not in self._fixed]

    def leaving(self, name: str) -> list[str]:
        """The tensors that `--to NAME` stands for."""
        return [name] if name in self._made else [each for each in self._node(name).output if each]

    def _node(self, name: str) -> NodeProto:
        node = self._nodes.get(name)
        if node is None:
            hint = _nearest(name, [*self._nodes, *self._made])
            raise InputError(f"the model has no tensor and no node '{name}'", hint)
        return node


def _nearest(name: str, names: Iterable[str]) -> str:
    """A hint with the names that contain NAME, else with the first ones."""
    known = list(dict.fromkeys(names))
    like = [each for each in known if name.lower() in each.lower()] or known
    return f"there are {', '.join(like[:SHOWN])}" + (", ..." if len(like) > SHOWN else "")


def _check_whole(part: ModelProto) -> None:
    """Raise InputError where PART reads a tensor that it lacks: START did not cut every way to it."""
    missing = [name for name in captures(part.graph) if name not in initial_names(part.graph)]
    if missing:
        raise InputError(f"the part needs '{missing[0]}' besides", f"add --from {missing[0]}")
