"""Products inside control flow multiply in eight bits, with ranges that are observed in every iteration."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
import onnxruntime
import pytest
from glassrt.compiler.driver.build import Settings, brought_to, context_of
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.precision.quantization.insert import FED_BACK
from glassrt.compiler.search.candidates import contraction_kernels
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.interpreter import interpret
from onnx import ModelProto, checker, numpy_helper, parser

from ...models import Array

# Each step has two products of its own, one of them in a branch, and one of the state that is handed on.
STEPS = """<ir_version: 8, opset_import: ["" : 17]>
agraph (float[T,4,16] x, float[4,16] h, float[4,16] g) => (float[T,4,8] y) {
  most = Relu(g)
  last, all = Scan<num_scan_inputs = 1, body = b (float[4,16] s, float[4,16] r)
      => (float[4,16] t, float[4,16] u) {
    sum = ReduceSum<keepdims = 0>(r) positive = Greater(sum, zero)
    picked = If(positive) <then_branch = p () => (float[4,24] k) {k = MatMul(r, a)},
                           else_branch = q () => (float[4,24] l) {l = MatMul(most, a)}>
    act = Relu(picked) ahead = MatMul(act, b) back = MatMul(s, rec) both = Add(ahead, back)
    t = Tanh(both) u = Identity(t)
  }>(h, x)
  y = MatMul(all, v)
}"""


def model() -> ModelProto:
    made: ModelProto = parser.parse_model(STEPS)
    rng = np.random.default_rng(3)
    for name, rows, columns in (("a", 16, 24), ("b", 24, 16), ("rec", 16, 16), ("v", 16, 8)):
        array = rng.standard_normal((rows, columns), np.float32) * np.float32(rows**-0.5)
        made.graph.initializer.append(numpy_helper.from_array(array, name))
    made.graph.initializer.append(numpy_helper.from_array(np.float32(0), "zero"))
    return made


def feeds(count: int = 3, steps: int = 6) -> list[dict[str, Array]]:
    rng = np.random.default_rng(4)
    shapes = {"x": (steps, 4, 16), "h": (4, 16), "g": (4, 16)}
    return [
        {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}
        for _ in range(count)
    ]


def last_name(name: str) -> str:
    return name.rpartition("/")[2]


@pytest.fixture(scope="module")
def table() -> glassrt.CalibrationTable:
    return glassrt.calibrate(model(), feeds(), calibrator="min-max", device="interpret")


def test_ranges_are_those_of_all_iterations(table: glassrt.CalibrationTable) -> None:
    """Of what is carried, too; of a branch those where it was taken."""
    found = {last_name(name.removesuffix("/matmul")): each.values for name, each in table.tensors.items()}
    taken = int(sum((batch["x"].sum((1, 2)) > 0).sum() for batch in feeds()))
    counts = {name: values.count for name, values in found.items() if values is not None}
    assert (counts["k"], counts["l"]) == (taken * 96, (18 - taken) * 96) and 0 < taken < 18
    assert counts["ahead"] == counts["carried"] == counts["back"] == 18 * 64
    carried = found["carried"]
    assert carried is not None
    assert carried.maximum == max(float(batch["h"].max()) for batch in feeds())


def test_a_device_sees_what_the_interpreter_sees(table: glassrt.CalibrationTable) -> None:
    host = glassrt.calibrate(model(), feeds(), calibrator="min-max", device="host")
    assert list(host.tensors) == list(table.tensors)
    for name, tensor in table.tensors.items():
        one, other = tensor.values, host[name].values
        assert one is not None and other is not None and one.count == other.count
        assert host[name].scale() == pytest.approx(tensor.scale(), rel=0.02)


@pytest.mark.parametrize(("precision", "within"), [("int8", 0.03), ("fp8", 0.1)])
def test_it_is_what_onnx_runtime_gives(
    precision: str, within: float, table: glassrt.CalibrationTable
) -> None:
    plan = glassrt.compile(model(), target="host", precision=precision, calibration=table)
    session = onnxruntime.InferenceSession(model().SerializeToString())
    with glassrt.load(plan, "host") as engine:
        for batch in feeds(2):
            (want,), have = session.run(None, batch), engine.run(batch)["y"]
            error = np.linalg.norm(have - want) / np.linalg.norm(want)
            assert 1e-4 < error < within


def products(plan: glassrt.Plan) -> tuple[list[str], dict[str, str]]:
    """The nodes whose products multiply bytes, and why others do not."""
    records: list[dict[str, Any]] = [each for each in plan.ledger if "rule" in each]
    taken = [each["nodes"][-1] for each in records if each["rule"] == "integer-contraction"]
    refused = [each for each in records if each["rule"] == "insert-quantization"]
    return taken, {r["nodes"][-1]: r["reason"] for r in refused if r["verdict"] == "refused"}


def test_what_a_loop_feeds_back_stays_floats(table: glassrt.CalibrationTable) -> None:
    """Unless an override names it; explain says so."""
    plan = glassrt.compile(model(), target="host", precision="int8", calibration=table)
    taken, reasons = products(plan)
    assert sorted(map(last_name, taken)) == ["ahead", "k", "l"]
    by_name = {last_name(node): reason for node, reason in reasons.items()}
    assert by_name == {"back": FED_BACK, "y": "the last contraction before an output stays in floats"}
    (node,) = [node for node, reason in reasons.items() if reason == FED_BACK]
    policy = glassrt.PrecisionPolicy("int8", {f"node:{node}": "int8"})
    forced = glassrt.compile(model(), target="host", precision=policy, calibration=table)
    assert node in products(forced)[0]


def test_scales_inside_are_written_into_the_graphs_inside(table: glassrt.CalibrationTable) -> None:
    """Of what nodes compute: the row of a scan has no node that a scale could stand behind."""
    with pytest.raises(glassrt.UnsupportedError, match="the ONNX model has no such tensor"):
        glassrt.export_qdq(model(), table)
    policy = glassrt.PrecisionPolicy("int8", {"node:last/picked/k": "fp32"})
    exported = glassrt.export_qdq(model(), table, precision=policy)
    checker.check_model(exported, full_check=True)
    (scan,) = [node for node in exported.graph.node if node.op_type == "Scan"]
    (body,) = [each.g for each in scan.attribute if each.name == "body"]
    assert [n.op_type for n in body.node].count("QuantizeLinear") == 1
    (branch,) = [node for node in body.node if node.op_type == "If"]
    kinds = [[n.op_type for n in each.g.node] for each in branch.attribute]
    assert sorted(each.count("QuantizeLinear") for each in kinds) == [0, 1]
    (batch,) = feeds(1)
    want, have = (
        interpret(brought_to("launch", load_module(source), settings, context_of(settings)), batch)["y"]
        for source, settings in (
            (model(), Settings(precision=policy, calibration=table, cache=None)),
            (exported, Settings(precision=as_policy("int8"), cache=None)),
        )
    )
    np.testing.assert_array_equal(have, want)


def test_scales_of_what_is_unrolled_are_refused() -> None:
    unrolled = model()
    unrolled.graph.input[0].type.tensor_type.shape.dim[0].ClearField("dim_param")
    unrolled.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    made = glassrt.calibrate(unrolled, feeds(steps=2), calibrator="min-max", device="interpret")
    with pytest.raises(glassrt.UnsupportedError, match="the ONNX model has no such tensor"):
        glassrt.export_qdq(unrolled, made)


def test_products_inside_are_candidates_of_a_search() -> None:
    settings = Settings()
    fused = brought_to("fused", load_module(model()), settings, context_of(settings))
    named = {last_name(node) for one in contraction_kernels(fused, settings.precision) for node in one.named}
    assert {"k", "l", "ahead", "back", "y"} == named
