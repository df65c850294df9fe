"""The cases of the onnx package that is installed, and what comes of one by its public runner."""

from __future__ import annotations

import functools
import unittest
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from glassrt.errors import GlassError
from onnx import ModelProto, TensorProto
from onnx.backend.test import BackendTest
from onnx.backend.test.loader import load_model_tests

from .undefined import is_undefined, right_where_defined

KINDS = {
    "node": "OnnxBackendNodeModelTest",
    "simple": "OnnxBackendSimpleModelTest",
    "pytorch-converted": "OnnxBackendPyTorchConvertedModelTest",
    "pytorch-operator": "OnnxBackendPyTorchOperatorModelTest",
}
EXPANDED = "_expanded"


@dataclass(frozen=True)
class Conformance:
    """A case: `op` is what it is about, as 'domain.Op' outside of ai.onnx, or the suite that it is of."""

    name: str
    op: str
    types: frozenset[str]


@dataclass(frozen=True)
class Outcome:
    """What came of a case: 'right', 'wrong', 'refused' (a GlassError), or 'crashed' (any other exception)."""

    status: str
    reason: str = ""


@functools.cache
def cases() -> Mapping[str, Conformance]:
    """All cases by name, without those whose models would have to be loaded from the network."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in KINDS:
            for test in load_model_tests(kind=kind):
                model = test.model or onnx.load(Path(test.model_dir) / "model.onnx")
                found[test.name] = Conformance(test.name, _subject(model, test.name, kind), _types(model))
    return found


def model_and_data(name: str) -> Any:
    """The public suite's node test NAME, with its model, data sets and tolerances."""
    return _nodes()[name]


@functools.cache
def _nodes() -> Mapping[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {test.name: test for test in load_model_tests(kind="node")}


def _subject(model: ModelProto, name: str, kind: str) -> str:
    """The op that a case is about; where a function is written out, that is in the name alone."""
    if kind != "node":
        return kind
    if EXPANDED in name:
        return EXPANDED.strip("_")
    node = model.graph.node[0]
    return f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type


def _types(model: ModelProto) -> frozenset[str]:
    """The element types of the inputs and outputs, as ONNX calls them."""
    values = [*model.graph.input, *model.graph.output]
    kinds = {value.type.tensor_type.elem_type for value in values if value.type.HasField("tensor_type")}
    return frozenset(TensorProto.DataType.Name(kind).lower() for kind in kinds if kind)


@functools.cache
def _suite(backend: Any) -> Mapping[str, type[unittest.TestCase]]:
    """The runner's test classes, by name, for BACKEND."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: Mapping[str, type[unittest.TestCase]] = BackendTest(backend, __name__).test_cases
    return made


def _reasons(error: GlassError) -> list[str]:
    """What ERROR says: every node that is refused, or its message."""
    return [str(each) for each in getattr(error, "offenders", ())] or [error.message.split("\n")[0]]


def run_case(name: str, backend: Any) -> Outcome:
    """What the public runner finds of the case NAME, run by BACKEND."""
    device = "cpu" if backend.supports_device("CPU") else "cuda"
    method = f"{name}_{device}"
    test = next(made(method) for made in _suite(backend).values() if hasattr(made, method))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            getattr(test, method)()
        except AssertionError as error:
            if is_undefined(name) and right_where_defined(model_and_data(name), backend):
                return Outcome("right")
            return Outcome("wrong", str(error).strip())
        except GlassError as error:
            return Outcome("refused", "; ".join(_reasons(error)))
        except Exception as error:  # what a backend must not raise
            return Outcome("crashed", f"{type(error).__name__}: {error}")
    return Outcome("right")
