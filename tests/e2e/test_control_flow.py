"""Networks with branches, loops and recurrence: the host against ONNX Runtime, and plans for GPUs."""

from __future__ import annotations

import glassrt
import numpy as np
import onnxruntime
import pytest
from glassrt.compiler.driver.build import Settings, build, chosen_targets
from glassrt.compiler.fusion.predicate_branches import PredicateBranches
from glassrt.compiler.report.launches import controls_of
from glassrt.compiler.settings.policy import as_policy
from glassrt.runtime.discovery import present_target
from glassrt.runtime.steps import Repeat
from onnx import ModelProto, parser

from ..control_models import NESTED
from ..models import Array
from .agreement import distance

# The number of iterations depends on the data, and is bounded by an input.
WHILE = """agraph (float[2,3] x, float most, int64 n) => (float[2,3] y, int64 k)
  <int64 zero = {0}, bool yes = {1}> {
  y, k = Loop(n, yes, x, zero) <body = b (int64 i, bool c, float[2,3] v, int64 j)
      => (bool d, float[2,3] next, int64 last) {
    next = Add(v, v) sum = ReduceSum<keepdims = 0>(next) d = Less(sum, most) last = Identity(i)
  }>
}"""
LSTM = """agraph (float[T,2,3] x, float[2,16,3] w, float[2,16,4] r, float[2,32] b)
    => (float[T,2,2,4] all, float[2,2,4] last, float[2,2,4] cell) {
  all, last, cell = LSTM<hidden_size = 4, direction = "bidirectional">(x, w, r, b)
}"""
RANDOM = np.random.default_rng(5)


def real(*shape: int) -> Array:
    return RANDOM.standard_normal(shape, dtype=np.float32)


FEEDS: dict[str, list[dict[str, Array]]] = {
    NESTED: [
        {"x": real(steps, 4), "h": real(4), "g": real(4), "c": np.array(flag)}
        for steps, flag in ((1, True), (6, True), (5, False))
    ],
    WHILE: [
        {"x": abs(real(2, 3)), "most": np.array(most, np.float32), "n": np.array(n)}
        for most, n in ((50, 9), (1e9, 3), (50, 0), (0, 7))
    ],
    LSTM: [
        {"x": real(steps, 2, 3), "w": real(2, 16, 3), "r": real(2, 16, 4), "b": real(2, 32)}
        for steps in (1, 7)
    ],
}


def model(text: str) -> ModelProto:
    parsed: ModelProto = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}')
    return parsed


BRANCHED = frozenset({PredicateBranches.name})  # switched off, so that branches stay
NETWORKS = pytest.mark.parametrize(
    ("text", "precision", "disabled"),
    [
        (NESTED, "fp32", frozenset()),
        (NESTED, "fp32", BRANCHED),
        (NESTED, "fp16", BRANCHED),
        (WHILE, "fp32", frozenset()),
        (LSTM, "fp32", frozenset()),
    ],
    ids=["nested, predicated", "nested", "nested in fp16", "while", "lstm"],
)


def planned(
    text: str, target: str | None = "host", precision: str = "fp32", disabled: frozenset[str] = BRANCHED
) -> glassrt.Plan:
    """The plan of a network, without the rules DISABLED."""
    targets = chosen_targets(target, None)
    settings = Settings(targets=targets, precision=as_policy(precision), disabled=disabled)
    return build(model(text), settings, shapes={"T": (1, 8, 1000)} if text is NESTED else None).plan


def check_device(text: str, precision: str, disabled: frozenset[str], device: str) -> None:
    """Hold a network on DEVICE to ONNX Runtime, on all of its feeds."""
    made = model(text)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    target = present_target() if device == "cuda" else "host"
    with glassrt.Engine(planned(text, target, precision, disabled), device) as engine:
        for feed in FEEDS[text]:
            want = dict(zip(names, session.run(names, feed), strict=True))
            have = engine.run(feed)
            exact = {name for name, array in want.items() if array.dtype.kind != "f"}
            assert all(np.array_equal(have[name], want[name]) for name in exact)
            floats = want.keys() - exact
            assert distance({n: have[n] for n in floats}, {n: want[n] for n in floats}, precision) < 1


@NETWORKS
def test_the_host_agrees_with_onnx_runtime(text: str, precision: str, disabled: frozenset[str]) -> None:
    check_device(text, precision, disabled, "host")


@pytest.mark.gpu
@NETWORKS
def test_a_gpu_agrees_with_onnx_runtime(text: str, precision: str, disabled: frozenset[str]) -> None:
    check_device(text, precision, disabled, "cuda")


def test_what_a_device_says_how_often_is_a_node_of_the_graph() -> None:
    host = glassrt.compile(model(WHILE), target="host")
    (loop,) = (step for step in host.spec.steps if isinstance(step, Repeat))
    assert loop.condition is not None and loop.trips is not None
    assert [control.on_gpu for control in controls_of(host, {})] == ["read back by the host"]
    plan = glassrt.compile(model(WHILE), target="sm_90a")
    assert [control.on_gpu for control in controls_of(plan, {})] == ["WHILE node of the graph"]


def test_what_runs_how_often_is_told() -> None:
    plan = planned(NESTED)
    loop, branch = controls_of(plan, {"T": 6})
    assert (loop.depth, loop.does, loop.on_gpu) == (0, "6 times", "unrolled into the graph")
    assert branch.depth == 1 and branch.does.startswith("if b") and branch.launches is not None
    assert [each.on_gpu for each in controls_of(plan, {"T": 1000})] == ["read back by the host"] * 2
