"""A plan is what its own text says, and a change of anything in it is found."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import glassrt
import onnx.parser
import pytest
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.softmax import Softmax
from glassrt.errors import CompileError, PlanError
from glassrt.runtime.plan import Plan
from glassrt.testing.net import Net

from ..control_models import NESTED

UNSAID = {"generator", "min_driver"}  # who made the plan, and what it needs to be run


def network() -> Module:
    """Convolutions with bulk copies, a concat, launches beside one another, of any number of images."""
    net = Net()
    x = net.input("x", net.symbol("N", 1, 64, 128), 32, 6, 6)
    parts = [net.conv(net.add(Relu, net.conv(x, 64, size)), 32, 1) for size in (1, 3)]
    joined = net.add(Concat, *parts, axis=1)
    return net.done(net.add(Softmax, joined, axis=1), parts[0])


@pytest.fixture(scope="module")
def plan() -> Plan:
    return glassrt.compile(network(), target="sm_90a", precision="fp16")


def leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all numbers and texts in JSON data."""
    if isinstance(data, (dict, list)):
        pairs = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in pairs:
            yield from leaves(value, (*path, key))
    else:
        yield path


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 16 if value % 16 == 0 else value + 1
    return f"{value}x" if isinstance(value, str) else 1


def test_a_plan_is_what_its_launch_level_says(plan: Plan, other_plans: list[Plan]) -> None:
    for each in [plan, Plan.from_bytes(plan.to_bytes()), *other_plans]:
        found = glassrt.verify(each)
        assert found.ok and not found.findings, str(found)
        assert ("machine code" in found.checked) is bool(each.targets)


@pytest.fixture(scope="module")
def other_plans() -> list[Plan]:
    """A plan for the host, one of two parts, and one with a branch and a loop."""
    model = onnx.ModelProto(ir_version=9, opset_import=[onnx.OperatorSetIdProto(version=18)])
    model.graph.CopyFrom(onnx.parser.parse_graph(NESTED))
    return [
        glassrt.compile(network(), target="host"),
        glassrt.compile(network(), target=["sm_80", "sm_90a"], precision="fp16"),
        glassrt.compile(model, target="sm_90a", shapes={"T": (0, 3, 8)}),
    ]


def test_every_change_of_the_manifest_is_refused_or_found(plan: Plan) -> None:
    refused = found = 0
    for path in leaves(plan.manifest):
        if path[0] in UNSAID:
            continue
        manifest = copy.deepcopy(plan.manifest)
        place = manifest
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = changed(place[path[-1]])
        try:
            other = replace(plan, manifest=manifest)
        except PlanError:
            refused += 1
            continue
        report = glassrt.verify(other, code=path[-1] == "module")
        assert not report.ok, f"{path} may be {place[path[-1]]}"
        found += 1
    assert refused > 100 and found > 100


def test_launches_in_another_order_or_left_out_are_found(plan: Plan) -> None:
    launches = plan.manifest["launches"]
    for kept in ([*launches[:-2], launches[-1]], [launches[1], launches[0], *launches[2:]]):
        try:
            other = replace(plan, manifest={**plan.manifest, "launches": kept})
        except PlanError:
            continue
        assert not glassrt.verify(other, code=False).ok


def test_changed_texts_code_and_weights_are_named(plan: Plan) -> None:
    kernel, source = next(iter(plan.sources.items()))
    spec = plan.spec.kernels[kernel]
    code = plan.cubins["sm_90a"]
    others = {
        "sources": replace(plan, sources={**plan.sources, kernel: source.replace("f16", "f32")}),
        "headers": replace(plan, headers={**plan.headers, "math.cuh": "// none"}),
        "machine code": replace(plan, cubins={"sm_90a": {**code, spec.module: code[spec.module] + b"\0"}}),
        "launch level": replace(plan, weights=bytes(len(plan.weights))),
    }
    for aspect, other in others.items():
        found = glassrt.verify(other)
        assert {each.aspect for each in found.findings} >= {aspect}, aspect
        assert not found.ok and f"{len(found.findings)} fault" in str(found)


def test_code_of_another_compiler_is_not_compared(plan: Plan) -> None:
    code = {name: each.replace(b", V13.", b", V12.") for name, each in plan.cubins["sm_90a"].items()}
    found = glassrt.verify(replace(plan, cubins={"sm_90a": code}))
    assert found.ok and len(found.findings) == len(code)
    assert "not known: NVRTC V12." in str(found)


def test_without_a_compiler_machine_code_is_not_judged(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> Iterator[None]:
        raise CompileError("the NVRTC library was not found")

    monkeypatch.setattr("glassrt.compiler.verification.other_code", absent)
    found = glassrt.verify(plan)
    assert found.ok and "not known: the NVRTC library was not found" in str(found)
