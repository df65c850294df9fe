"""Embeds the external data of an ONNX model, so that it needs no other files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from onnx import ModelProto, TensorProto

from ...errors import ModelError
from ..frontend.external import ExternalFiles
from ..frontend.problems import Malformed, Refused, shown
from ..frontend.weights import read_tensor


def embed(model: ModelProto, folder: Path | None) -> None:
    """Move the tensors that MODEL stores in files of FOLDER into MODEL. Raises ModelError where one fails."""
    files = ExternalFiles(folder)
    for tensor in _tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        try:
            data = read_tensor(tensor, files).tobytes()
        except (Malformed, Refused) as error:
            raise ModelError(f"the tensor {shown(tensor.name)}: {error}") from None
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
        tensor.raw_data = data


def _tensors(model: ModelProto) -> Iterable[TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))
