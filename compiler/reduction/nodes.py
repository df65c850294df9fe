"""Parts of a model: some of its nodes, with what they read as inputs and constants; some of its outputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, ValueInfoProto, helper

from ..surgery.extract import declared
from ..surgery.models import borders, initial_names, part_of, reads
from .candidate import Array, TrialModel, every_tensor, stored, typed


class NodeParts:
    """The parts of a candidate: its tensors are computed once, and stand for what made them."""

    def __init__(self, whole: TrialModel) -> None:
        self._whole = whole
        self._graph: GraphProto = whole.model.graph
        self._values = every_tensor(whole)
        self._declared = declared(whole.model)
        self._outputs = {value.name: value for value in self._graph.output}
        self._fixed = _constants(self._graph)
        self._symbols = {name: d for v in self._graph.input for name, d in _named_dims(v).items()}

    def of_nodes(self, positions: Collection[int]) -> TrialModel | None:
        """The nodes at POSITIONS alone; None without any, or where a value that they read is not known."""
        entering, leaving = borders(self._graph, frozenset(positions))
        if not positions or not leaving or any(name not in self._values for name in entering):
            return None
        feeds: dict[str, Array] = dict(self._whole.feeds)
        constants, inputs = [], []
        for name in entering:
            array = np.asarray(self._values[name])
            if name in self._fixed or (array.ndim < 2 and array.dtype.kind in "iub"):
                constants.append(stored(name, array))  # sizes, axes and the like, which must not vary
            else:
                inputs.append(typed(name, array, self._shape(name, array)))
                feeds[name] = array
        nodes = [self._graph.node[at] for at in sorted(positions)]
        outputs = [self._output(name) for name in leaving]
        part = part_of(self._whole.model, nodes, outputs, inputs, constants)
        return self._whole.with_feeds(part, feeds)

    def of_outputs(self, names: Sequence[str]) -> TrialModel | None:
        """What the outputs NAMES alone need; None without any."""
        if not names:
            return None
        outputs = [self._outputs[name] for name in names]
        part = part_of(self._whole.model, list(self._graph.node), outputs, [])
        return self._whole.with_feeds(part, self._whole.feeds)

    def _output(self, name: str) -> ValueInfoProto:
        """The declaration of NAME as an output."""
        known = self._outputs.get(name) or self._declared.get(name)
        if known is not None and known.type.WhichOneof("value"):
            return known
        array = self._values.get(name)
        return helper.make_empty_tensor_value_info(name) if array is None else typed(name, array, None)

    def _shape(self, name: str, array: Array) -> list[Any]:
        """The shape of a new input: that of ARRAY, with the names of dimensions that the model's own inputs
        have, too."""
        dims = self._declared[name].type.tensor_type.shape.dim if name in self._declared else []
        if len(dims) != array.ndim:
            return list(array.shape)
        return [
            d.dim_param if d.dim_param in self._symbols else size
            for d, size in zip(dims, array.shape, strict=True)
        ]


def _named_dims(value: ValueInfoProto) -> Mapping[str, int]:
    dims = value.type.tensor_type.shape.dim
    return {dim.dim_param: axis for axis, dim in enumerate(dims) if dim.dim_param}


def _constants(graph: GraphProto) -> set[str]:
    """The tensors of GRAPH that depend on no input."""
    fixed = initial_names(graph) - {value.name for value in graph.input}
    for node in graph.node:
        if node.op_type not in _RANDOM and all(name in fixed for name in reads(node)):
            fixed |= set(node.output)
    return fixed


_RANDOM = frozenset({"RandomNormal", "RandomUniform"})
