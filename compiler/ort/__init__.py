"""ONNX Runtime's Python interface over GlassRT, so that a code base changes one import:

    from glassrt import onnxruntime                      # instead of: import onnxruntime
    session = onnxruntime.InferenceSession("model.onnx", providers=["CUDAExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": image})

docs/coming-from-onnx-runtime.md says what is the same and what is not.
"""

from .binding import IOBinding
from .options import (
    ExecutionMode,
    ExecutionOrder,
    GraphOptimizationLevel,
    ModelMetadata,
    NodeArg,
    RunOptions,
    SessionOptions,
)
from .providers import (
    get_all_providers,
    get_available_providers,
    get_device,
    set_default_logger_severity,
    set_default_logger_verbosity,
)
from .session import InferenceSession
from .values import OrtValue

__all__ = [
    "ExecutionMode",
    "ExecutionOrder",
    "GraphOptimizationLevel",
    "IOBinding",
    "InferenceSession",
    "ModelMetadata",
    "NodeArg",
    "OrtValue",
    "RunOptions",
    "SessionOptions",
    "get_all_providers",
    "get_available_providers",
    "get_device",
    "set_default_logger_severity",
    "set_default_logger_verbosity",
]
