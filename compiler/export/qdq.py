"""Exports a quantized network as an ONNX model with Q/DQ nodes (QuantizeLinear, DequantizeLinear).

    relu -> conv(w)  =>  relu -> QuantizeLinear -> DequantizeLinear -> conv(DequantizeLinear(w'))

Nodes and tensors keep their names. Activations are quantized per tensor, weights per output channel, and
zero points are 0. Where a normalization is folded into weights, it is folded in the exported model, too,
because the scales are those of the folded weights: the convolution then produces the tensor that the
normalization produced. Biases stay floats. What is quantized in a branch or in the body of a loop has its
nodes there; the rows of a Scan and what a loop carries are results of no node behind which they could stand.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, helper

from ...dialects.core.dtypes import F8E4M3, F32
from ...dialects.core.module import Module
from ...errors import ModelError, UnsupportedError
from ...errors.rendering import body
from ...runtime.arguments import checked_but
from ...runtime.whole_files import content, path_of, write_whole
from ..driver.build import Settings, context_of
from ..frontend.node_texts import node_label
from ..frontend.reading import read_model
from ..frontend.source import InputShapes, Shapes, Source, load_module
from ..frontend.weights import ELEMENT_CODES
from ..precision.scales.table import CalibrationTable
from ..settings.policy import PrecisionPolicy, as_policy
from .choices import Choices, StoredTensor, StoredWeights, before_scales, choices_of, plain
from .difference import difference
from .embed import embed
from .onnx_graph import OnnxGraph, OnnxGraphs
from .opset import FLOAT8_OPSET, PER_AXIS_OPSET, raised

MOST_BYTES = 2**31 - 1  # the limit of a protobuf message


@checked_but("model", "shapes", "inputs")
def export_qdq(
    model: Source,
    calibration: CalibrationTable,
    path: str | os.PathLike[str] | None = None,
    *,
    precision: str | PrecisionPolicy = "int8",
    shapes: Shapes | None = None,
    inputs: InputShapes | None = None,
) -> ModelProto:
    """Export MODEL with the scales and types that `compile` chooses, as Q/DQ nodes.

    model: an ONNX file, its bytes or a ModelProto; calibration, precision, shapes and inputs: as for
    `compile`; path: a file to write, completely or not at all.

    The result has opset 13 or later, for fp8 opset 19 or later. Raises UnsupportedError where Q/DQ nodes
    cannot express what is stored or the model cannot be converted; InputError, CalibrationError and others as
    `compile` does.
    """
    settings = Settings(precision=as_policy(precision), calibration=calibration, cache=None)
    where = None if path is None else path_of(path)
    exported = exported_model(model, settings, inputs, shapes)
    if where is not None:
        write_model(exported, where)
    return exported


def write_model(model: ModelProto, path: Path) -> None:
    """Write MODEL to PATH, completely or not at all."""
    write_whole(path, content(model.SerializeToString()))


def exported_model(
    source: Source, settings: Settings, inputs: InputShapes | None = None, shapes: Shapes | None = None
) -> ModelProto:
    """The exported model of SOURCE for the SETTINGS of a build; see `export_qdq`."""
    choices = choices_of(source, settings, inputs, shapes)
    if not choices.weights:
        hint = "see `insert-quantization` in the ledger of a build: glassrt explain PLAN --ledger"
        raise UnsupportedError(f"no contraction runs in {settings.precision.name}: there are no scales", hint)
    assert not isinstance(source, Module)  # choices_of refuses modules
    read = read_model(source)
    floats = any(weights.dtype == F8E4M3 for weights in choices.weights)
    model = raised(read.proto, FLOAT8_OPSET if floats else PER_AXIS_OPSET)
    embed(model, read.folder)
    _write_weights(model, choices)
    _write_tensors(model, choices)
    _state_outputs(model, choices.module)
    _check(model)
    _check_meaning(model, choices, settings, inputs, shapes)
    return model


# ---------------------------------------------------------------- weights


def _write_weights(model: ModelProto, choices: Choices) -> None:
    graphs = OnnxGraphs(model)
    for weights in choices.weights:
        for label in weights.nodes:
            _store_weights(*graphs.contraction(label), weights)
    graphs.finish()


def _store_weights(graph: OnnxGraph, node: NodeProto, weights: StoredWeights) -> None:
    """Make NODE read WEIGHTS through a DequantizeLinear node."""
    stored, axis, old = weights.stored, weights.axis, node.input[1]
    if node.op_type == "Gemm" and _attribute(node, "transB"):
        stored, axis = stored.swapaxes(0, 1), 0
    held = graph.store(f"{old}_quantized", stored, weights.dtype)
    scale = graph.store(f"{old}_scale", weights.scales, F32)
    zero = graph.store(
        f"{old}_zero_point", np.zeros(weights.scales.shape, weights.dtype.numpy), weights.dtype
    )
    back = graph.fresh(f"{old}_dequantized")
    name = graph.fresh(f"{old}_DequantizeLinear")
    inputs = [held, scale, zero]
    graph.insert(helper.make_node("DequantizeLinear", inputs, [back], name=name, axis=axis), before=node)
    node.input[1] = back
    if weights.folded is not None:
        _fold(graph, node, weights)


def _attribute(node: NodeProto, name: str) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == name), 0)


def _fold(graph: OnnxGraph, node: NodeProto, weights: StoredWeights) -> None:
    """Make NODE, or an Add after it, produce the result of the nodes that are folded into its weights."""
    folded, label = weights.folded, node_label(node)
    assert folded is not None
    bias = None if folded.bias is None else graph.store(f"{label}_bias", folded.bias, F32)
    del node.input[2:]
    for attribute in [each for each in node.attribute if each.name in ("alpha", "beta")]:
        node.attribute.remove(attribute)
    if bias is None or node.op_type != "MatMul":
        node.input.extend([] if bias is None else [bias])
        graph.give(node, folded.result)
        return
    graph.remove(graph.maker(folded.result))
    add = helper.make_node(
        "Add", [node.output[0], bias], [folded.result], name=graph.fresh(f"{label}_bias_add")
    )
    graph.insert(add, after=node)


# ---------------------------------------------------------------- tensors


def _write_tensors(model: ModelProto, choices: Choices) -> None:
    graphs = OnnxGraphs(model)
    for tensor in choices.tensors:
        _store_tensor(graphs.around(tensor.reader) if tensor.reader else graphs.main, tensor)
    graphs.finish()


def _store_tensor(graph: OnnxGraph, tensor: StoredTensor) -> None:
    """Insert a Q/DQ pair after TENSOR, for the consumers that read it quantized."""
    readers = [(node, name) for node, name in graph.readers(tensor.name) if _reads(graph.label(node), tensor)]
    scale = graph.store(f"{tensor.name}_scale", tensor.scale, F32)
    zero = graph.store(f"{tensor.name}_zero_point", np.zeros((), tensor.dtype.numpy), tensor.dtype)
    held, back = graph.fresh(f"{tensor.name}_quantized"), graph.fresh(f"{tensor.name}_dequantized")
    for op, source, result in (("QuantizeLinear", tensor.name, held), ("DequantizeLinear", held, back)):
        node = helper.make_node(op, [source, scale, zero], [result], name=graph.fresh(f"{tensor.name}_{op}"))
        graph.insert(node, after=graph.maker(tensor.name))
    for reader, name in readers:
        graph.read(reader, name, back)


def _reads(label: str, tensor: StoredTensor) -> bool:
    return label not in tensor.kept if tensor.only is None else label in tensor.only


# ---------------------------------------------------------------- checks


def _state_outputs(model: ModelProto, module: Module) -> None:
    """Write the types of outputs that MODEL leaves to inference, as the standard requires them."""
    for value, result in zip(model.graph.output, module.main.returned, strict=True):
        if not value.type.tensor_type.HasField("shape"):
            sizes = [size if isinstance(size, int) else str(size) for size in result.type.shape]
            code = ELEMENT_CODES[result.type.dtype]
            value.type.CopyFrom(helper.make_tensor_type_proto(code, sizes))


def _check(model: ModelProto) -> None:
    if model.ByteSize() > MOST_BYTES:
        raise UnsupportedError("the model with its scales is larger than 2 GiB, the limit of an ONNX file")
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        reason = str(error).splitlines()[0]
        hint = "does onnx.checker accept the model itself?"
        raise ModelError(f"the model with its scales is not valid: {reason}", hint) from None


def _check_meaning(
    model: ModelProto,
    choices: Choices,
    settings: Settings,
    inputs: InputShapes | None,
    shapes: Shapes | None,
) -> None:
    """Raise UnsupportedError unless MODEL, imported again, has the same scales and weights as CHOICES."""
    try:
        again = before_scales(load_module(model, inputs, shapes), context_of(plain(settings)))
        problem = difference(choices.module, again)
    except (ModelError, UnsupportedError) as error:
        problem = body(error.diagnostic, error.cases)
    if problem is not None:
        message = f"QuantizeLinear and DequantizeLinear cannot express the quantization: {problem}"
        raise UnsupportedError(message, "use an override to keep the node in floats")
