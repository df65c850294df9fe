"""Loads the source of a build: an ONNX model, or IR text of any level."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx

from ...dialects.core.diagnostics import op_error, text_error
from ...dialects.core.module import Module
from ...dialects.core.parser import parse_module
from ...dialects.core.parts import AttributeAt
from ...dialects.core.resources import ResourceTable
from ...dialects.core.sizes.settling import settle
from ...dialects.core.source_text import SourceText
from ...dialects.core.verifier import verify
from ...errors import InputError, IRError, ModelError
from ..files.regular import open_regular
from ..passes.levels import ALL_DIALECTS, LEVELS
from ..passes.manager import DUMPED_WEIGHTS
from . import import_model

Source: TypeAlias = str | os.PathLike[str] | bytes | onnx.ModelProto | Module
Shapes = Mapping[str, tuple[int, int, int]]
InputShapes = Mapping[str, Sequence[int | str]]

IR_SUFFIX = ".ir"
WEIGHTS_SUFFIX = ".weights"
MAX_IR_BYTES = 1 << 28


@np.errstate(all="ignore")
def load_module(source: Source, inputs: InputShapes | None = None, shapes: Shapes | None = None) -> Module:
    """The module of SOURCE: a Module, an ONNX model (file, bytes or ModelProto), or an .ir file.

    INPUTS overrides the shapes of model inputs, SHAPES gives (min, opt, max) per symbolic dimension. Raises
    InputError for bad arguments, IRError for IR text, and what `import_model` raises for ONNX models.
    """
    if isinstance(source, Module):
        return source
    if not isinstance(source, (str, os.PathLike, bytes, onnx.ModelProto)):
        kind = type(source).__name__
        raise InputError(f"a model must be a path, bytes, a ModelProto or a Module, not {kind}")
    _check_shapes(inputs, shapes)
    if isinstance(source, (str, os.PathLike)) and Path(source).suffix == IR_SUFFIX:
        if inputs or shapes:
            raise InputError("shapes of IR text cannot be overridden", "edit its `symbol` lines")
        return read_ir(Path(source))
    return import_model(source, inputs=inputs, shapes=shapes)


def _check_shapes(inputs: InputShapes | None, shapes: Shapes | None) -> None:
    """Raise InputError unless both are None or mappings to sequences."""
    for what, table in (("inputs", inputs), ("shapes", shapes)):
        if table is None:
            continue
        fits = isinstance(table, Mapping) and all(
            isinstance(value, Sequence) and not isinstance(value, str) for value in table.values()
        )
        if not fits:
            hint = 'such as {"N": (1, 8, 32)}'
            raise InputError(f"{what} must be a mapping from names to sequences, not {table!r}", hint)


def read_ir(path: Path) -> Module:
    """A verified module from an .ir file and the .weights file beside it, if there is one.

    Raises ModelError for a file that cannot be read, IRError for invalid text.
    """
    try:
        with open_regular(path) as file:
            content = file.read(MAX_IR_BYTES + 1)
        if len(content) > MAX_IR_BYTES:
            raise IRError(f"{path.name} is larger than {MAX_IR_BYTES} bytes")
        text = content.decode()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        text = content.decode(errors="replace")
        start = len(content[: error.start].decode())
        span = SourceText(str(path), text).span(start, start + 1)
        raise text_error(f"{path.name} is not UTF-8 text", span) from None
    module = parse_module(text, ALL_DIALECTS, _weights_beside(path), str(path))
    _check_weights(module)
    verify(module, ALL_DIALECTS)
    settle(module)
    return module


def _check_weights(module: Module) -> None:
    """Raise IRError at the first default or op that names a weight that MODULE does not have."""
    for default in module.defaults.values():
        module.resources[default]  # raises IRError
    for op in module.walk():
        name = op.attributes.get("weight") if op.spec.symbol == "weight" else None
        if name is not None and name not in module.resources:
            message = f"the weight @{name} is not among the module's resources"
            hint = "keep the .weights file that was written beside the .ir file"
            raise op_error(op, message, hint, at=AttributeAt("weight"))


def weights_files(path: Path) -> tuple[Path, ...]:
    """Where the weights of an .ir file may lie, the first that is there counts."""
    return path.with_suffix(WEIGHTS_SUFFIX), path.parent / DUMPED_WEIGHTS


def _weights_beside(path: Path) -> ResourceTable:
    """The weights of an .ir file: `x.weights` beside `x.ir`, or those that a dump folder shares."""
    for sidecar in weights_files(path):
        if sidecar.is_file():
            return ResourceTable.load(sidecar)
    return ResourceTable()


def level_of(module: Module) -> str:
    """The level of a module: that of its lowest-level op."""
    found = {op.name.split(".")[0] for op in module.walk()}
    return next((level for level in reversed(LEVELS) if level in found), "graph")
