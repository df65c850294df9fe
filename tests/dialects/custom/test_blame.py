"""Mistakes in a custom op's methods: errors that name the node, the op, the file and the line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import glassrt
import pytest
from glassrt import custom
from glassrt.compiler.frontend.importer import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Block
from glassrt.errors import GlassError, IRError, ModelError

from ...custom_ops import drawn, model, node

FILE = """
import numpy as np
from glassrt import custom

@custom.op("glass.blamed::Faulty")
class Faulty(custom.BASE):
    x = custom.operand()
    y = custom.result()

    def result_type(self):
        return self.x.type

    def compute(self, x):
        return x

    def METHOD(self, WHAT):
        BODY
"""
BASES = {
    "result_type": "ElementwiseOp",
    "compute": "ElementwiseOp",
    "formula": "ElementwiseOp",
    "element": "LoopOp",
    "row_axes": "LoopOp",
    "cuda": "CudaOp",
    "tolerance": "CudaOp",
}
KERNELS = {
    "ElementwiseOp": "    def formula(self, x):\n        return x\n",
    "LoopOp": "    def element(self, nest):\n        return nest.load(self.x, *nest.index)\n",
    "CudaOp": "    def cuda(self):\n        return custom.CudaBody('y[block] = x[block];', 24, 1)\n",
}


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    with custom.registered():
        yield


def faulty(folder: Path, method: str, body: str, base: str = "") -> Path:
    """A file with an op whose METHOD has BODY."""
    base = base or BASES[method]
    what = {"formula": "x", "compute": "x", "element": "nest"}.get(method, "*none")
    text = FILE.replace("BASE", base).replace("METHOD", method).replace("WHAT", what).replace("BODY", body)
    kernel = KERNELS[base]
    if f"def {method}" not in kernel:
        text = text.replace("    def result_type", f"{kernel}\n    def result_type", 1)
    path = folder / "faulty.py"
    path.write_text(text)
    return path


def failure(path: Path, **compiled: Any) -> GlassError:
    """What building and running a model with the op of PATH raises."""
    custom.load_file(path)
    made = model([node("Faulty", ["x"], "y", domain="glass.blamed")], (24,), domain="glass.blamed")
    with pytest.raises(GlassError) as caught:
        glassrt.load(glassrt.compile(made, target="host", **compiled), "host").run({"x": drawn(24)})
    return caught.value


@pytest.mark.parametrize("method", ["result_type", "formula", "element", "row_axes", "cuda"])
def test_what_a_method_raises_names_node_op_and_place(tmp_path: Path, method: str) -> None:
    error = failure(faulty(tmp_path, method, "return 1 // 0"))
    assert isinstance(error, (ModelError, IRError))
    text = str(error)
    assert f"{method} of glass.blamed::Faulty in faulty.py failed (ZeroDivisionError" in text
    assert re.search(rf"raised in faulty\.py:\d+, {method}", text)
    assert "'y'" in text


@pytest.mark.parametrize(
    ("method", "body", "said"),
    [
        ("result_type", "return (24,)", r"result_type of .* gives \(24,\), not a TensorType"),
        ("formula", "return 1.0", "formula of .* gives float, not a Term"),
        ("row_axes", "return (1,)", r"row_axes of .* gives \(1,\), no ascending axes"),
        ("element", "return None", "element of .* gives NoneType, not a Term"),
        ("cuda", "return 'y[0] = x[0];'", "cuda of .* gives str, not a CudaBody"),
        ("result_type", "return custom.TensorType([24], custom.F32)", "a type of the shape .*: a shape is a"),
        (
            "result_type",
            "return custom.TensorType((2.5,), custom.F32)",
            "a type of the size 2.5: a size is",
        ),
        ("result_type", "return custom.TensorType((24,), 'f32')", "a type of the elements 'f32'"),
        ("formula", "return x if x > 0 else 0 * x", "neither true nor false before the kernel runs"),
        ("formula", "return max(x, 0)", "neither true nor false before the kernel runs"),
        ("formula", "return x if x == 0 else 0 * x", "neither true nor false before the kernel runs"),
        ("formula", "return x if x in (1, 2) else 0 * x", "neither true nor false before the kernel runs"),
        ("formula", "return (x == None).choose(x, 0)", "NoneType is neither a term nor a plain number"),
        ("formula", "return x * 'a'", "str is neither a term nor a plain number"),
        ("formula", "return self.formula(x)", "formula of .* failed .RecursionError"),
        ("element", "return nest.load(self.x)", r"\(\) is no index of tensor<24xf32>"),
        ("element", "return nest.load(self.x, 0.5)", r"\(0.5,\) is no index of tensor<24xf32>"),
        ("element", "return nest.reduce('mean', [2], nest.number)", "there is no reduction 'mean'"),
        ("element", "return nest.number('a')", "str is no plain number"),
        ("element", "return nest.size(0.5)", "0.5 is neither a size nor an index"),
    ],
)
def test_what_a_method_gives_is_checked(tmp_path: Path, method: str, body: str, said: str) -> None:
    text = str(failure(faulty(tmp_path, method, body)))
    assert re.search(said, text)
    assert "faulty.py" in text
    assert "'y'" in text


def interpreted(path: Path) -> IRError:
    """What the interpreter raises for a model with the op of PATH."""
    custom.load_file(path)
    module = import_model(
        model([node("Faulty", ["x"], "y", domain="glass.blamed")], (24,), domain="glass.blamed")
    )
    with pytest.raises(IRError) as caught:
        interpret(module, {"x": drawn(24)})
    return caught.value


def test_compute_is_blamed_where_it_runs(tmp_path: Path) -> None:
    assert "compute of glass.blamed::Faulty in faulty.py failed" in str(
        interpreted(faulty(tmp_path, "compute", "return np.linalg.inv(x)"))
    )
    assert "gives the shape [23] where result_type says [24]" in str(
        interpreted(faulty(tmp_path, "compute", "return x[1:]"))
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return None", "compute of .* gives elements of the type object"),
        ("return x + 1j", "compute of .* gives elements of the type complex64"),
        ("raise SystemExit(3)", r"compute of .* failed \(SystemExit: 3\)"),
        ("return self.compute(x)", r"compute of .* failed \(RecursionError"),
    ],
)
def test_what_compute_gives_is_checked(tmp_path: Path, body: str, said: str) -> None:
    assert re.search(said, str(interpreted(faulty(tmp_path, "compute", body))))


def test_operands_are_not_written_to(tmp_path: Path) -> None:
    """Others read them, too: their results would be wrong without an error."""
    path = faulty(tmp_path, "compute", "x *= 2; return x")
    assert "read-only" in str(interpreted(path))


def test_a_wrong_infer_is_found(tmp_path: Path) -> None:
    """A kernel and compute of another shape than the type says do not agree in silence."""
    path = faulty(tmp_path, "result_type", "return self.x.type.with_shape((25,))", "CudaOp")
    assert "gives the shape [24] where result_type says [25]" in str(interpreted(path))


def test_a_tolerance_is_a_number(tmp_path: Path) -> None:
    (cls,) = custom.load_file(faulty(tmp_path, "tolerance", "return -1"))
    op = cls(Block([custom.TensorType((24,), custom.F32)]).arguments[0])
    assert isinstance(op, custom.CudaOp)
    with pytest.raises(IRError, match=r"tolerance of .* gives -1, no number of at least 0"):
        op.allowed()
