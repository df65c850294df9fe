"""What independent implementations of ONNX say of a model: ONNX Runtime and the reference evaluator.

Neither is always right, so a result counts as right when one of them has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator

Array = np.ndarray[Any, Any]
Feeds = Mapping[str, Array]
# The outputs of a model by name; None where the oracle refuses the model or the inputs.
Oracle = Callable[[ModelProto, Feeds], dict[str, Array] | None]

QUIET = 4  # ONNX Runtime's severity "fatal": it logs nothing below


def session_of(model: ModelProto) -> Any:
    """A session of ONNX Runtime for MODEL, without optimisations; raises what ONNX Runtime raises."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = QUIET
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def onnx_runtime(model: ModelProto, feeds: Feeds) -> dict[str, Array] | None:
    """What ONNX Runtime computes, with its optimisations off."""
    try:
        session = session_of(model)
        names = [value.name for value in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(feeds)), strict=True))
    except Exception:  # ONNX Runtime's exceptions have no common base class
        return None


def reference_evaluator(model: ModelProto, feeds: Feeds) -> dict[str, Array] | None:
    """What the reference implementation of the standard computes, in numpy."""
    try:
        with np.errstate(all="ignore"):
            found = ReferenceEvaluator(model).run(None, dict(feeds))
    except Exception:  # whatever its operators raise
        return None
    return {v.name: np.asarray(a) for v, a in zip(model.graph.output, found, strict=True)}


ORACLES: tuple[Oracle, ...] = (onnx_runtime, reference_evaluator)
