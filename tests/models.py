"""The networks that tests run on: where they lie, and how to give them weights worth computing with."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]

_LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def light_models() -> dict[str, Path]:
    """The nine networks that the onnx package carries without weights, by name: 'resnet50', ..."""
    return {path.stem.removeprefix("light_"): path for path in sorted(_LIGHT.glob("*.onnx"))}


def reseed(model: ModelProto, rng: np.random.Generator) -> ModelProto:
    """A copy of MODEL with random weights that keep activations finite and lively through all layers.

    Weights of convolutions and matrix products are scaled by He's rule, normalisations get statistics
    near 0 and 1. Weights that come from ConstantOfShape become initialisers, and no initialiser
    stays a graph input.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    copy.ir_version = max(copy.ir_version, 4)  # before 4 every initialiser had to be an input
    graph = copy.graph
    shapes = _weight_shapes(graph)
    roles = _roles(graph.node, shapes)
    fresh = {name: _fresh(roles[name], shape, rng) for name, shape in shapes.items() if name in roles}
    nodes = [
        node for node in graph.node if not (node.op_type == "ConstantOfShape" and node.output[0] in fresh)
    ]
    kept = [tensor for tensor in graph.initializer if tensor.name not in fresh]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in fresh.items())
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    del graph.input[:]
    graph.input.extend(inputs)
    return copy


def run_onnxruntime(model: ModelProto, inputs: dict[str, Array]) -> dict[str, Array]:
    """The outputs that ONNX Runtime gives, by name."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def random_inputs(model: ModelProto, rng: np.random.Generator, **symbols: int) -> dict[str, Array]:
    """Standard normal f32 arrays for the inputs of MODEL that are no initialisers."""
    stored = {tensor.name for tensor in model.graph.initializer}
    result: dict[str, Array] = {}
    for value in model.graph.input:
        if value.name not in stored:
            sizes = [dim.dim_value or symbols[dim.dim_param] for dim in value.type.tensor_type.shape.dim]
            result[value.name] = rng.standard_normal(sizes, dtype=np.float32)
    return result


def _weight_shapes(graph: Any) -> dict[str, tuple[int, ...]]:
    """Every f32 tensor of the file that could be a weight."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    shapes = {t.name: tuple(t.dims) for t in graph.initializer if t.data_type == TensorProto.FLOAT}
    for node in graph.node:
        if node.op_type == "ConstantOfShape" and node.input[0] in stored:
            shapes[node.output[0]] = tuple(numpy_helper.to_array(stored[node.input[0]]).tolist())
    return shapes


_BY_POSITION = {
    "BatchNormalization": {1: "scale", 2: "bias", 3: "bias", 4: "variance"},
    "Conv": {1: "conv", 2: "bias"},
    "Gemm": {1: "gemm", 2: "bias"},
    "MatMul": {1: "gemm"},
    "Mul": {0: "scale", 1: "scale"},
    "Add": {0: "bias", 1: "bias"},
}


def _roles(nodes: Any, shapes: dict[str, tuple[int, ...]]) -> dict[str, str]:
    """What each weight is used for, looking through Unsqueeze."""
    users: dict[str, list[tuple[NodeProto, int]]] = defaultdict(list)
    for node in nodes:
        for index, name in enumerate(node.input):
            users[name].append((node, index))
    roles: dict[str, str] = {}
    for weight in shapes:
        name = weight
        while len(users[name]) == 1 and users[name][0][0].op_type == "Unsqueeze":
            name = users[name][0][0].output[0]
        for node, index in users[name]:
            role = _BY_POSITION.get(node.op_type, {}).get(index)
            if role == "gemm" and _transposed(node):
                role = "gemm_transposed"
            if role == "scale" and any(user.op_type in ("Add", "Sum") for user, _ in users[node.output[0]]):
                role = "branch" if node.op_type == "BatchNormalization" else role
            if role is not None:
                roles[weight] = role
    return roles


def _transposed(node: NodeProto) -> bool:
    return any(attribute.name == "transB" and attribute.i for attribute in node.attribute)


# With these ranges a layer multiplies the variance by about 1, and a residual branch adds little.
_RANGES = {"scale": (0.6, 1.3), "variance": (0.5, 1.5), "branch": (0.2, 0.6)}


def _fresh(role: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if role in _RANGES:
        return rng.uniform(*_RANGES[role], shape).astype(np.float32)
    noise = rng.standard_normal(shape, dtype=np.float32)
    if role == "bias":
        return noise * np.float32(0.1)
    fan_in = int(np.prod(shape[1:])) if role in ("conv", "gemm_transposed") else shape[-2]
    return noise * np.float32(np.sqrt(2 / fan_in))


def _among_sequences(node: NodeProto, opset: int) -> list[NodeProto]:
    """NODE between nodes that make the sequence it takes, and read the one it gives."""
    nodes = [node]
    try:
        schema = onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:  # an op of ONNX Runtime's
        return nodes
    if node.input and _is_sequence(schema.inputs[0]):
        nodes.insert(0, helper.make_node("SplitToSequence", [node.input[0]], ["taken"]))
        node.input[0] = "taken"
    if _is_sequence(schema.outputs[0]):
        place = helper.make_node("Constant", [], ["place"], value=numpy_helper.from_array(np.array(0)))
        read = helper.make_node("SequenceAt", [node.output[0], "place"], ["read"])
        length = helper.make_node("SequenceLength", [node.output[0]], ["read"])
        nodes += [place, read] if node.input else [length]
    return nodes


def _is_sequence(parameter: Any) -> bool:
    return all(each.startswith("seq(") for each in parameter.types)


def node_model(
    node: NodeProto, inputs: dict[str, Array], constants: dict[str, Array], opset: int
) -> ModelProto:
    """A model of one NODE: INPUTS are its runtime inputs, CONSTANTS its initialisers. A node of another
    domain than the standard's is of its first version. Of a sequence of tensors that NODE takes, its first
    input is cut; of one that it gives, the output is the first tensor, or the length of an empty one.
    """
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ]
    nodes = [node] if node.domain else _among_sequences(node, opset)
    named = [name for name in nodes[-1].output if name]
    outputs = [helper.make_empty_tensor_value_info(name) for name in named]
    stored = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "one_node", values, outputs, stored)
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(node.domain, 1)] if node.domain else []
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)
