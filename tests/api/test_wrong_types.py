"""Every parameter of the Python interface, given what it cannot be: a GlassError, and nothing else."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt import CalibrationTable, Engine, GlassError, Plan, PrecisionPolicy
from glassrt.compiler.search.budget import Budget
from glassrt.runtime.engine import Context
from onnx import TensorProto, helper, numpy_helper


class Raises:
    """A tensor whose every answer is an error."""

    @property
    def shape(self) -> Any:
        raise RuntimeError("no shape")

    def __dlpack__(self, **_: Any) -> Any:
        raise RuntimeError("no capsule")

    def __dlpack_device__(self) -> Any:
        raise RuntimeError("no device")


WRONG: dict[str, Any] = {
    "none": None,
    "number": 5,
    "negative": -1,
    "nan": math.nan,
    "text": "no such thing",
    "empty text": "",
    "nul": "a\0b",
    "bytes": b"\xff\0",
    "list": [],
    "list of none": [None],
    "nested": [[1, "x"], {}],
    "table": {},
    "odd table": {1: None},
    "text table": {"x": "y"},
    "object": object(),
    "class": type("Odd", (), {}),
    "array": np.ones(3),
    "odd array": np.array([None, "x"], object),
    "raises": Raises(),
}


def model() -> bytes:
    """y = x @ w @ w, small enough to build in no time."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
    y = helper.make_empty_tensor_value_info("y")
    weight = numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")
    nodes = [helper.make_node("MatMul", [a, "w"], [b]) for a, b in (("x", "h"), ("h", "y"))]
    graph = helper.make_graph(nodes, "g", [x], [y], [weight])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(made.SerializeToString())


X = {"x": np.ones((2, 4), np.float32)}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return glassrt.compile(model(), target="host")


@pytest.fixture(scope="module")
def table() -> CalibrationTable:
    return glassrt.calibrate(model(), [X], device="interpret")


class Watching:
    """An observer that sees nothing."""

    def before(self, index: int, read: object) -> None: ...

    def after(self, index: int, read: object) -> None: ...


Call = tuple[Callable[..., Any], dict[str, Any]]


def calls(
    plan: Plan, table: CalibrationTable, engine: Engine, context: Context, folder: Path
) -> dict[str, Call]:
    """Every public function with arguments that are right."""
    calibrated = {"model": model(), "batches": [X], "device": "interpret", "cache": False}
    return {
        "compile": (glassrt.compile, {"model": model(), "target": "host"}),
        "compile int8": (
            glassrt.compile,
            {"model": model(), "target": "host", "precision": "int8", "calibration": table},
        ),
        "compile auto": (
            glassrt.compile,
            {"model": model(), "target": "host", "precision": "auto", "budget": "sqnr=10", "data": [X]},
        ),
        "check": (glassrt.check, {"model": model(), "arrays": X, "device": "host"}),
        "bisect": (glassrt.bisect, {"model": model(), "arrays": X, "interpret": True}),
        "bench": (glassrt.bench, {"plan": plan, "device": "host", "repeats": 1, "profile_repeats": 1}),
        "Plan.inspect": (plan.inspect, {}),
        "Plan.explain": (plan.explain, {"a": "y"}),
        "load": (glassrt.load, {"plan": plan, "device": "host"}),
        "calibrate": (glassrt.calibrate, calibrated),
        "sensitivity": (glassrt.sensitivity, {**calibrated, "calibration": table}),
        "export_qdq": (
            glassrt.export_qdq,
            {"model": model(), "calibration": table, "path": folder / "q.onnx"},
        ),
        "PrecisionPolicy": (PrecisionPolicy, {"default": "fp16"}),
        "PrecisionPolicy.named": (PrecisionPolicy.named, {"name": "fp16"}),
        "Budget.parse": (Budget.parse, {"text": "sqnr=30"}),
        "Engine": (Engine, {"plan": plan, "device": "host"}),
        "Engine.run": (engine.run, {"inputs": X}),
        "Engine.trace": (engine.trace, {"inputs": X, "observer": Watching()}),
        "Engine.profile": (engine.profile, {"inputs": X, "repeats": 1}),
        "Engine.time": (engine.time, {"inputs": X, "repeats": 1, "warmup": 0}),
        "Context.run": (context.run, {"inputs": X}),
        "Context.trace": (context.trace, {"inputs": X, "observer": Watching()}),
        "Context.profile": (context.profile, {"inputs": X, "repeats": 1}),
        "Context.time": (context.time, {"inputs": X, "repeats": 1, "warmup": 0}),
        "Plan": (Plan, {name: getattr(plan, name) for name in PARTS}),
        "Plan.ir": (plan.ir, {"level": "graph"}),
        "Plan.save": (plan.save, {"path": folder / "net.plan"}),
        "Plan.load": (Plan.load, {"path": _saved(plan, folder)}),
        "Plan.from_bytes": (Plan.from_bytes, {"data": plan.to_bytes()}),
        "CalibrationTable[]": (table.__getitem__, {"name": next(iter(table.tensors))}),
        "CalibrationTable.check": (table.check, {"model": table.model, "names": ()}),
        "CalibrationTable.with_calibrator": (table.with_calibrator, {"calibrator": "mse"}),
        "CalibrationTable.with_scale": (table.with_scale, {"name": next(iter(table.tensors)), "scale": 1.0}),
        "CalibrationTable.parse": (CalibrationTable.parse, {"text": table.text}),
        "CalibrationTable.save": (table.save, {"path": folder / "t"}),
        "CalibrationTable.load": (CalibrationTable.load, {"path": folder / "t"}),
        "CalibrationTable.from_trt_cache": (
            CalibrationTable.from_trt_cache,
            {"text": table.to_trt_cache(), "model": table.model},
        ),
        "CalibrationTable.from_onnx_runtime": (
            CalibrationTable.from_onnx_runtime,
            {"content": b"x 1.0", "model": table.model},
        ),
        "CalibrationTable.from_clips": (
            CalibrationTable.from_clips,
            {"clips": {"x": 1.0}, "model": table.model},
        ),
    }


# What these have beside what is tried of `compile` itself: each accepted value is a build or a whole search.
OWN = {
    "compile int8": ("precision", "calibration"),
    "compile auto": ("precision", "budget", "data", "labels", "device"),
}
PARTS = ("manifest", "levels", "ledger", "sources", "cubins", "weights", "headers", "decisions")


def _saved(plan: Plan, folder: Path) -> Path:
    plan.save(folder / "saved.plan")
    return folder / "saved.plan"


def test_every_parameter_refuses_what_it_cannot_be(
    plan: Plan, table: CalibrationTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    faults = []
    with Engine(plan, "host") as engine, engine.context() as context:
        for name, (function, right) in calls(plan, table, engine, context, tmp_path).items():
            function(**right)
            for parameter in OWN.get(name, inspect.signature(function).parameters):
                for label, wrong in WRONG.items():
                    if parameter in ("progress", "print_ir") and callable(wrong):
                        continue  # what a caller's own function raises is the caller's
                    try:
                        function(**{**right, parameter: wrong})
                    except GlassError as error:
                        assert len(str(error)) < 4000
                    except BaseException as error:
                        faults.append(f"{name}({parameter}={label}): {type(error).__name__}: {error}"[:200])
    assert not faults, f"{len(faults)}\n" + "\n".join(faults)
