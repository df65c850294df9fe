"""Converts models of opsets without importers to the oldest supported opset."""

from __future__ import annotations

import onnx.checker
import onnx.helper
import onnx.shape_inference
import onnx.version_converter
from onnx import ModelProto, TensorProto

from ...errors import ModelError
from .problems import shown

RULE = "convert-opset"


def converted(proto: ModelProto, version: int, oldest: int) -> ModelProto:
    """PROTO, of opset VERSION, in opset OLDEST, by the version converter of the onnx package.

    The converter is C++, so it only gets models that the checker accepts, and it needs weights inside the
    model. It does not change slopes of PRelu, which are per channel in old opsets and broadcast from the last
    axis since 7, so they get their axes here. Raises ModelError if it fails or cannot run.
    """
    hint = f"convert it to opset {oldest} with onnx.version_converter, or export it anew"
    if any(each.data_location == TensorProto.EXTERNAL for each in proto.graph.initializer):
        raise ModelError(
            f"the model uses opset {version} of ai.onnx, and has its weights in other files", hint
        )
    try:
        onnx.checker.check_model(proto)
        proto = with_slopes_per_channel(proto)
        return onnx.version_converter.convert_version(proto, oldest)
    except Exception as error:  # a C++ library's own classes, and RuntimeError
        reason = shown(str(error).strip().split("\n")[0])
        raise ModelError(
            f"the model uses opset {version} of ai.onnx, which has no converter: {reason}", hint
        ) from error


def conversion(version: int, oldest: int) -> str:
    """The text for the ledger."""
    tool = f"the version converter of onnx {onnx.__version__}"
    return f"opset {version} of ai.onnx was brought to {oldest} by {tool}"


def with_slopes_per_channel(proto: ModelProto) -> ModelProto:
    """PROTO with the slopes [C] of PRelu as [C, 1, 1] where its input has axes after the channels."""
    nodes = [node for node in proto.graph.node if node.op_type == "PRelu"]
    if not nodes:
        return proto
    ranks = _ranks(onnx.shape_inference.infer_shapes(proto))
    made = ModelProto()
    made.CopyFrom(proto)
    stored = {each.name: each for each in made.graph.initializer}
    for node in made.graph.node:
        slope = stored.get(node.input[1]) if node.op_type == "PRelu" else None
        if slope is not None and len(slope.dims) == 1 and slope.dims[0] > 1:
            changed = made.graph.initializer.add()
            changed.CopyFrom(slope)
            changed.name = f"{slope.name}/per channel of {node.output[0]}"
            changed.dims.extend([1] * (ranks.get(node.input[0], 2) - 2))
            made.graph.input.append(_described(changed))
            node.input[1] = changed.name
    return made


def _described(tensor: TensorProto) -> onnx.ValueInfoProto:
    """TENSOR as an input; before IR version 4 every initializer was one."""
    return onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))


def _ranks(proto: ModelProto) -> dict[str, int]:
    """The known ranks of PROTO's tensors."""
    values = [*proto.graph.input, *proto.graph.value_info, *proto.graph.output]
    kinds = {value.name: value.type.tensor_type for value in values}
    return {name: len(kind.shape.dim) for name, kind in kinds.items() if kind.HasField("shape")}
