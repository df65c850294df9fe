"""Parameters and arguments are read as they were written."""

from __future__ import annotations

import json

import pytest
from glassrt.errors import PlanError
from glassrt.runtime.launch_rules import Traversal
from glassrt.runtime.manifest_arguments import (
    GIVEN,
    ArgumentSpec,
    KernelSpec,
    ParameterSpec,
    TensorMapSpec,
    parse_arguments,
    parse_kernel,
)
from glassrt.runtime.manifest_fields import Fields

from .bad_manifests import BAD
from .tiny_plans import affine_plan

TILED = TensorMapSpec("in0", (8, ["*", "N", 4]), (64,), Traversal((8, 4), swizzle="32B", fill="nan"))
COLUMNS = TensorMapSpec(
    "b1", (16, 7, 7, "N"), (32, 224, 1568), Traversal((16, 8), (1, 2, 2, 1), lower=(-1, -1), upper=(-1, -1))
)
GIVES: list[ArgumentSpec] = [
    ArgumentSpec(ParameterSpec("read", "f16"), "in0"),
    ArgumentSpec(ParameterSpec("write", "f32"), "out0"),
    ArgumentSpec(ParameterSpec("scratch", "u32"), "b3"),
    ArgumentSpec(ParameterSpec("tensor_map", "f16"), TILED),
    ArgumentSpec(ParameterSpec("tensor_map", "f16"), COLUMNS),
    ArgumentSpec(ParameterSpec("scalar", "i64"), ["+", ["*", "N", 2], 1]),
]


@pytest.mark.parametrize("given", GIVES, ids=lambda given: given.parameter.kind)
def test_what_is_written_is_read(given: ArgumentSpec) -> None:
    entry = json.loads(json.dumps({"entry": "k", "module": "k", "parameters": [given.parameter.to_json()]}))
    kernel = parse_kernel("k", entry)
    assert kernel == KernelSpec("k", "k", "k", (given.parameter,))
    written = json.loads(json.dumps(given.to_json()))
    assert parse_arguments([Fields(written, "argument")], kernel, "launch") == (given,)


def test_every_kind_is_written() -> None:
    assert {given.parameter.kind for given in GIVES} == GIVEN.keys()


def test_errors_of_arguments_name_what_is_taken() -> None:
    message = r"passes \('buffer, buffer'\).*takes \(read f32, write f32, scalar i32\)"
    with pytest.raises(PlanError, match=message):
        affine_plan(BAD["too few arguments"])
