"""A model with its inputs, on the way to a smaller one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, ValueInfoProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from ..checking.onnx_runtime import onnx_outputs

Array = np.ndarray[Any, Any]
Feeds = Mapping[str, Array]
# Whether a model on inputs shows the fault.
Faulty = Callable[[ModelProto, Feeds], bool]


@dataclass(frozen=True)
class TrialModel:
    """A model and its inputs."""

    model: ModelProto
    feeds: Feeds

    @property
    def nodes(self) -> int:
        return len(self.model.graph.node)

    @property
    def elements(self) -> int:
        """The elements of weights and inputs."""
        stored = sum(int(np.prod(tensor.dims)) for tensor in self.model.graph.initializer)
        return stored + sum(int(array.size) for array in self.feeds.values())

    def size(self) -> str:
        """How large it is, for people."""
        graph = self.model.graph
        return (
            f"{self.nodes} nodes, {len(graph.input)} inputs, {len(graph.output)} outputs, "
            f"{self.elements} numbers"
        )

    def digest(self) -> bytes:
        """What tells this candidate from others."""
        found = hashlib.sha256(self.model.SerializeToString(deterministic=True))
        for name, array in sorted(self.feeds.items()):
            found.update(
                f"{name} {array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes()
            )
        return found.digest()

    def with_feeds(self, model: ModelProto, feeds: Feeds) -> TrialModel:
        """MODEL with those of FEEDS that are still inputs of it."""
        names = {value.name for value in model.graph.input}
        return TrialModel(model, {name: feeds[name] for name in feeds if name in names})


def computed(candidate: TrialModel) -> dict[str, Array] | None:
    """What ONNX Runtime, or else the reference implementation of ONNX, computes; None where neither can."""
    found = onnx_outputs(candidate.model, candidate.feeds)
    if not isinstance(found, str):
        return found
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(candidate.model).run(None, dict(candidate.feeds))
    except Exception:  # whatever its operators raise
        return None
    names = [value.name for value in candidate.model.graph.output]
    return {
        n: np.asarray(a)
        for n, a in zip(names, results, strict=True)
        if isinstance(a, (np.ndarray, np.generic))
    }


def every_tensor(candidate: TrialModel) -> dict[str, Array]:
    """Every tensor within the model; none where no reference can compute them."""
    model = ModelProto()
    model.CopyFrom(candidate.model)
    del model.graph.output[:]
    names = [name for node in model.graph.node for name in node.output if name]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    return computed(TrialModel(model, candidate.feeds)) or {}


def is_valid(candidate: TrialModel, known: bool) -> bool:
    """Whether the model is one at all: what fails because it is broken does not show the fault.

    KNOWN: a reference can compute the model that all began with, and so has to compute this one.
    """
    if known:
        return computed(candidate) is not None
    try:
        onnx.checker.check_model(candidate.model, full_check=True)
    except Exception:  # of the checker and of shape inference, without a common base class
        return False
    return True


def typed(name: str, array: Array, shape: Any) -> ValueInfoProto:
    """The declaration of a tensor with the type of ARRAY."""
    kind = helper.np_dtype_to_tensor_dtype(np.asarray(array).dtype)
    return helper.make_tensor_value_info(name, kind, shape)


def stored(name: str, array: Array) -> TensorProto:
    """ARRAY as an initializer."""
    return numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name)
