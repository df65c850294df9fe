"""Brings models of opsets that the importers do not know to the oldest one that they do."""

from __future__ import annotations

import onnx.checker
import onnx.version_converter
from onnx import ModelProto, TensorProto

from ...errors import ModelError
from .problems import shown

RULE = "convert-opset"


def converted(proto: ModelProto, version: int, oldest: int) -> ModelProto:
    """PROTO, of opset VERSION, in opset OLDEST, by the version converter of the onnx package.

    The converter is C++, so only what the checker takes is given to it; and it needs weights that are in the
    model. Raises ModelError where it fails, or cannot run.
    """
    hint = f"convert it to opset {oldest} with onnx.version_converter, or export it anew"
    if any(each.data_location == TensorProto.EXTERNAL for each in proto.graph.initializer):
        raise ModelError(
            f"the model uses opset {version} of ai.onnx, and has its weights in other files", hint
        )
    try:
        onnx.checker.check_model(proto)
        return onnx.version_converter.convert_version(proto, oldest)
    except Exception as error:  # a C++ library's own classes, and RuntimeError
        reason = shown(str(error).strip().split("\n")[0])
        raise ModelError(
            f"the model uses opset {version} of ai.onnx, which has no converter: {reason}", hint
        ) from error


def conversion(version: int, oldest: int) -> str:
    """What the ledger says of it."""
    tool = f"the version converter of onnx {onnx.__version__}"
    return f"opset {version} of ai.onnx was brought to {oldest} by {tool}"
