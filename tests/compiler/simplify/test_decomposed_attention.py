"""Attention that no kernel has is products around a softmax; written as a kernel by hand, it is refused."""

from __future__ import annotations

from pathlib import Path

import glassrt
import numpy as np
import onnx
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend.source import read_ir
from glassrt.errors import UnsupportedError
from onnx import TensorProto

from ...models import run_onnxruntime
from ..spellings import Onnx

SHAPE = (2, 3, 6, 8)


def masked_in(dtype: int, features: int = 8) -> bytes:
    """Attention whose scores and mask are added in the type DTYPE."""
    g = Onnx()
    q, k, v = (g.input(*SHAPE[:3], features) for _ in range(3))
    scores = g("MatMul", q, g("Transpose", k, perm=[0, 1, 3, 2]))
    added = g("Add", g("Cast", scores, to=dtype), g("Cast", g.input(2, 1, 1, 6), to=dtype))
    return g.done(g("MatMul", g("Softmax", g("Cast", added, to=TensorProto.FLOAT), axis=-1), v))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize(("dtype", "kernel"), [(TensorProto.DOUBLE, False), (TensorProto.FLOAT16, True)])
def test_masks_of_other_types(dtype: int, kernel: bool, precision: str) -> None:
    model = masked_in(dtype)
    random = np.random.default_rng(2)
    inputs = {f"in{i}": random.standard_normal(SHAPE).astype(np.float32) for i in range(3)}
    inputs["in3"] = np.zeros((2, 1, 1, 6), np.float32)
    inputs["in3"][1, :, :, 4:] = -1e4
    plan = glassrt.compile(model, precision=precision, target="host")
    assert ("graph.attention" in plan.ir("launch")) == kernel
    with glassrt.load(plan, device="host") as engine:
        [got] = engine.run(inputs).values()
    [want] = run_onnxruntime(onnx.load_from_string(model), inputs).values()
    assert (
        np.abs(got - want).max() < {"fp32": 2e-3 if kernel else 1e-5, "fp16": 1e-2, "bf16": 5e-2}[precision]
    )


KERNEL = """module @net {{
  func @main(%q: tensor<1x6x8xf32>, %m: tensor<6x6x{mask}>) -> (tensor<1x6x8xf32>)
  {{inputs = ["q", "m"], outputs = ["y"]}} {{
    %y = fused.kernel %q, %m {{root = attention}} : tensor<1x6x8xf32> {{
      ^(%0: tensor<1x6x8xf32>, %1: tensor<6x6x{mask}>):
        %k = graph.{keys} %0 : tensor<1x6x8xf32>
        %2 = graph.attention %0, %k, %0, %1 : tensor<1x6x8xf32> loc("heads")
        core.yield %2
    }}
    core.return %y
  }}
}}
"""


@pytest.mark.parametrize(("mask", "keys"), [("f64", "neg"), ("f32", "neg"), ("f64", "abs")])
def test_a_kernel_that_no_family_can_run_is_refused(mask: str, keys: str, tmp_path: Path) -> None:
    path = tmp_path / "net.ir"
    path.write_text(KERNEL.format(mask=mask, keys=keys))
    with pytest.raises(UnsupportedError, match="no kernel family can run") as caught:
        build(read_ir(path), Settings(cache=None))
    assert "heads" in caught.value.offenders
