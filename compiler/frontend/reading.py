"""Reads a model from a path, bytes or a ModelProto, and checks its container."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto

from ...errors import ModelError
from ...runtime.plan_format import MAGIC
from ..files.regular import open_regular
from .old_opsets import converted
from .problems import shown
from .text import check_text

OLDEST_OPSET = 7
NEWEST_OPSET = onnx.defs.onnx_opset_version()
OLDEST_IR_VERSION = 3

Source: TypeAlias = str | os.PathLike[str] | bytes | ModelProto


@dataclass(frozen=True)
class Model:
    """A model with a valid container.

    `folder` has its external data, `opsets` the versions by domain; `written_in` is its original version of
    ai.onnx if that is too old to be imported.
    """

    proto: ModelProto
    folder: Path | None
    opsets: dict[str, int] = field(default_factory=dict)
    written_in: int | None = None


def read_model(source: Source) -> Model:
    """Parse and check the container of a model: a path, the bytes of a file, or a ModelProto.

    Raises ModelError for a file that is missing, damaged or not ONNX, and for unsupported versions.
    """
    folder: Path | None = None
    if isinstance(source, ModelProto):
        proto = source
    elif isinstance(source, bytes):
        proto = _parsed(source, "the model")
    else:
        path = Path(source)
        proto = _parsed(_file_bytes(path), shown(path.name))
        folder = path.parent
    _check_ir_version(proto)
    check_text(proto)
    if not proto.HasField("graph"):
        raise ModelError("the model has no graph", "is it an ONNX file?")
    opsets = _opsets(proto)
    version = opsets.get("")
    if version is None or version >= OLDEST_OPSET:
        return Model(proto, folder, opsets)
    return Model(converted(proto, version, OLDEST_OPSET), folder, opsets | {"": OLDEST_OPSET}, version)


def _file_bytes(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read()
    except OSError as error:
        raise ModelError(f"{shown(path.name)} cannot be read: {error.strerror}") from None


def _parsed(content: bytes, label: str) -> ModelProto:
    if content.startswith(MAGIC):
        raise ModelError(f"{label} is a plan, not a model", "give the model that it was built from")
    proto = ModelProto()
    try:
        proto.ParseFromString(content)
    except DecodeError:
        raise ModelError(f"{label} is not an ONNX model, or it is damaged or cut short") from None
    return proto


def _check_ir_version(proto: ModelProto) -> None:
    version = proto.ir_version
    if not proto.HasField("ir_version") or version == 0:
        raise ModelError("the model has no IR version", "is it an ONNX file?")
    if not OLDEST_IR_VERSION <= version <= onnx.IR_VERSION:
        raise ModelError(
            f"the model has IR version {version}; {OLDEST_IR_VERSION} to {onnx.IR_VERSION} can be read",
            "install a newer onnx package, or export the model for an older version",
        )


def _opsets(proto: ModelProto) -> dict[str, int]:
    opsets: dict[str, int] = {}
    for entry in proto.opset_import:
        domain = normal_domain(entry.domain)
        if opsets.get(domain, entry.version) != entry.version:
            raise ModelError(f"the model imports two versions of the domain {shown(entry.domain)}")
        opsets[domain] = int(entry.version)
    version = opsets.get("")
    if version is None and not proto.functions:
        raise ModelError("the model does not say which ai.onnx opset it uses")
    if version is not None and not 1 <= version <= NEWEST_OPSET:
        raise ModelError(
            f"the model uses opset {version} of ai.onnx; 1 to {NEWEST_OPSET} can be read",
            "install a newer onnx package, or export the model for an older opset",
        )
    return opsets


def check_opset(version: int) -> None:
    """Raise ModelError unless a function may import opset VERSION of ai.onnx; functions are not converted."""
    if not OLDEST_OPSET <= version <= NEWEST_OPSET:
        raise ModelError(
            f"opset {version} of ai.onnx is imported; {OLDEST_OPSET} to {NEWEST_OPSET} can be read here",
            "convert it with onnx.version_converter",
        )


def normal_domain(domain: str) -> str:
    """DOMAIN with one spelling of the default domain, which has two."""
    return "" if domain == "ai.onnx" else domain
