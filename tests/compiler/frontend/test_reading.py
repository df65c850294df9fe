"""Reading a model: bytes that are none, and versions out of range."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import GlassError, ModelError
from hypothesis import given
from hypothesis import strategies as st

from .graphs import model, node


@pytest.mark.parametrize("content", [b"", b"GIF89a not a model", b"\x00" * 64, b"\x08\x0a"])
def test_bytes_that_are_no_model(content: bytes) -> None:
    with pytest.raises(ModelError):
        import_model(content)


WEIGHTY = model(
    [node("Conv", "x w b", "c"), node("Relu", "c")],
    {"x": (1, 3, 8, 8)},
    constants={"w": np.ones((4, 3, 3, 3), np.float32), "b": np.ones(4, np.float32)},
).SerializeToString()


@pytest.mark.parametrize("length", range(0, len(WEIGHTY), 7))
def test_a_truncated_model(length: int) -> None:
    with pytest.raises(ModelError):
        import_model(WEIGHTY[:length])


@given(st.integers(0, len(WEIGHTY) - 1), st.integers(0, 255))
def test_a_damaged_byte_gives_a_typed_error_or_another_model(position: int, value: int) -> None:
    damaged = bytearray(WEIGHTY)
    damaged[position] = value
    with contextlib.suppress(GlassError):
        import_model(bytes(damaged))


@pytest.mark.parametrize("opset", [0, 1, 6, 999])
def test_an_opset_out_of_range(opset: int) -> None:
    with pytest.raises(ModelError, match=f"opset {opset} "):
        import_model(model([node("Relu", "x")], opset=opset))


@pytest.mark.parametrize("version", [1, 2, onnx.IR_VERSION + 1])
def test_an_ir_version_out_of_range(version: int) -> None:
    with pytest.raises(ModelError, match=f"IR version {version};"):
        import_model(model([node("Relu", "x")], ir_version=version))


def test_no_opset_at_all() -> None:
    bare = model([node("Relu", "x")])
    del bare.opset_import[:]
    with pytest.raises(ModelError, match=r"which ai.onnx opset"):
        import_model(bare)


def test_a_plan_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"GLASSRT\0 and more")
    for source in (path, path.read_bytes()):
        with pytest.raises(ModelError, match="is a plan, not a model"):
            import_model(source)
