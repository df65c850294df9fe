"""Short branches run side by side, with the results and in fewer launches than branches that are taken."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
import onnxruntime
import pytest
from glassrt import custom
from glassrt.codegen.arch.fitted import ControlFit
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.arch.spec import ArchSpec
from glassrt.compiler.driver.build import Settings, brought_to, build, context_of
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.fusion.predicate_branches import PredicateBranches
from glassrt.dialects.control import If
from onnx import ModelProto, parser

from ...codegen.fitted_targets import fitted
from ...models import Array

# Branches of several kinds of ops and types. Where one is not taken, it has NaN or no such row.
BRANCHES = """<ir_version: 8, opset_import: ["" : 17]>
agraph (float[N,16] x, int64 at, float[16] z) => (float[16] y, int64[16] k, bool[16] b) <int64 zero = {0}> {
  inside = Greater(at, zero)
  y, k, b = If(inside) <
    then_branch = t () => (float[16] y1, int64[16] k1, bool[16] b1) {
      row = Gather(x, at) root = Sqrt(row) y1 = Softmax(root) k1 = Cast<to = 7>(row) b1 = Greater(row, z)
    },
    else_branch = e () => (float[16] y2, int64[16] k2, bool[16] b2) {
      y2 = Neg(z) c = Cast<to = 7>(z) k2 = Div(c, zero) d = Equal(k2, c) b2 = Not(d)
    }>
}"""


def model(text: str) -> ModelProto:
    parsed: ModelProto = parser.parse_model(text)
    return parsed


def feeds() -> list[dict[str, Array]]:
    rng = np.random.default_rng(7)
    x = abs(rng.standard_normal((5, 16), dtype=np.float32)) * 9
    return [
        {"x": sign * x, "at": np.array(at), "z": x[0] * 5 + 1}
        for sign, at in ((1, 4), (-1, -99), (-1, -(2**40)))
    ]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_predicated_and_branched_agree(precision: str) -> None:
    made = model(BRANCHES)
    one = glassrt.compile(made, target="host", precision=precision)
    other = build(
        made,
        Settings(precision=glassrt.PrecisionPolicy(precision), disabled=frozenset({PredicateBranches.name})),
    ).plan
    assert not any("control." in line for line in one.ir("graph").splitlines())
    assert len(one.spec.launches) < len(other.spec.launches)
    with glassrt.load(one, "host") as predicated, glassrt.load(other, "host") as branched:
        for feed in feeds():
            found, want = predicated.run(feed), branched.run(feed)
            inside = feed["at"] > 0
            np.testing.assert_array_equal(found["k"], want["k"])
            np.testing.assert_array_equal(found["b"], want["b"])
            np.testing.assert_allclose(found["y"], want["y"], rtol=2e-3 if precision == "fp16" else 1e-6)
            assert np.isfinite(found["y"]).all()
            if not inside:
                np.testing.assert_array_equal(found["k"], np.zeros(16, np.int64))


LOOP = """<ir_version: 8, opset_import: ["" : 17]>
agraph (float[4] x, int64 n) => (float[4] y) <bool yes = {1}, float most = {3}> {
  y = Loop(n, yes, x) <body = b (int64 i, bool c, float[4] s) => (bool d, float[4] t) {
    top = ReduceMax<keepdims = 0>(s) large = Greater(top, most)
    t = If(large) <then_branch = p () => (float[4] u) {u = Softmax(s)},
                   else_branch = q () => (float[4] v) {v = Add(s, s)}>
    d = Identity(c)
  }>
}"""


def test_branches_in_loops_agree_with_onnx_runtime() -> None:
    made = model(LOOP)
    plan = glassrt.compile(made, target="host")
    session = onnxruntime.InferenceSession(made.SerializeToString())
    with glassrt.load(plan, "host") as engine:
        for count in (0, 1, 7, 40):
            feed = {"x": np.array([0.3, 1, -2, 0.1], np.float32), "n": np.array(count)}
            (want,) = session.run(None, feed)
            np.testing.assert_allclose(engine.run(feed)["y"], want, rtol=1e-5)


def branches_left(text: str, target: ArchSpec) -> int:
    settings = Settings(targets=(target,))
    module = brought_to("graph", load_module(model(text)), settings, context_of(settings))
    return sum(isinstance(op, If) for op in module.walk())


def test_it_is_the_cost_of_a_branch_on_the_target_that_decides() -> None:
    assert branches_left(BRANCHES, REFERENCE) == 0
    assert branches_left(BRANCHES, fitted("control", ControlFit(branch=0.0))) == 1


def test_what_users_write_runs_only_where_it_is_to() -> None:
    with custom.registered():

        @custom.op("glass.branches::Trusting")
        class Trusting(custom.CudaOp):
            x = custom.operand()
            y = custom.result()

            def compute(self, x: Any) -> Any:
                return x

            def cuda(self) -> custom.CudaBody:
                return custom.CudaBody("y[block] = x[block];", blocks=self.x.type.elements, threads=1)

        text = LOOP.replace("u = Softmax(s)", "u = glass.branches.Trusting(s)")
        made = model(text.replace('"" : 17', '"" : 17, "glass.branches" : 1'))
        plan = glassrt.compile(made, target="host")
    (record,) = [each for each in plan.ledger if each.get("rule") == PredicateBranches.name]
    assert record["reason"] == "glass.branches::Trusting may rely on the condition"
