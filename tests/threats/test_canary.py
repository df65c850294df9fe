"""T3: no text of a model makes a compiler open a file, and no error or plan shows what lies on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import glassrt
import numpy as np
import pytest
from glassrt.codegen.text.provenance import without_provenance
from glassrt.errors import GlassError
from onnx import ModelProto, TensorProto, helper, numpy_helper

SECRET = "CANARY_5b1d6e"


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file whose text must show up nowhere; as C++ it would be an error that quotes its line."""
    path = tmp_path / "canary.cuh"
    path.write_text(f"#error {SECRET}\n{SECRET}\n")
    return path


def spellings(path: Path) -> list[str]:
    return [
        f'#include "{path}"',
        f'\n#include "{path}"\n',
        f"\r#include <{path}>\r",
        f'*/\n#include "{path}"\n/*',
        f'\\\n%:include "{path}"',
        f'??=include "{path}"',
        f'{{% include "{path}" %}}',
        f"{{{{ cycler.__init__.__globals__.os.popen('cat {path}').read() }}}}",
        f'_Pragma("{path}")',
        f"file://{path}",
        str(path),
        f"../{path.name}",
    ]


def model(name: str) -> ModelProto:
    """Everything that can be called NAME is, with a suffix where names must differ."""
    nodes = [
        helper.make_node("MatMul", [name, f"{name}w"], [f"{name}h"], name=name, doc_string=name),
        helper.make_node("Relu", [f"{name}h"], [f"{name}y"], name=name),
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [name + "n", 4])],
        [helper.make_empty_tensor_value_info(f"{name}y")],
        [numpy_helper.from_array(np.eye(4, dtype=np.float32), f"{name}w")],
        doc_string=name,
    )
    opset = helper.make_opsetid("", 18)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9, producer_name=name, doc_string=name)


def test_no_name_makes_a_compiler_open_a_file(canary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(canary.parent)
    sources = None
    for name in spellings(canary):
        plan = glassrt.compile(model(name), target="sm_90a", cache=False)
        assert SECRET.encode() not in plan.to_bytes()
        nameless = {kernel: without_provenance(source) for kernel, source in plan.sources.items()}
        assert sources in (None, nameless)
        sources = nameless
        (y,) = glassrt.load(plan, device="host").run({name: -np.ones((2, 4), np.float32)}).values()
        np.testing.assert_array_equal(y, 0)


def stored(path: Path, **entries: str) -> bytes:
    made = model("x")
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": str(path), **entries}.items():
        tensor.external_data.add(key=key, value=value)
    return made.SerializeToString()


def include(folder: Path, path: Path) -> None:
    """IR text that names the file wherever it can name something."""
    names = f'{{inputs = ["{path}"], outputs = ["y"]}}'
    text = f"module @m {{\n  func @main(%x: tensor<4xf32>) -> (tensor<4xf32>) {names} {{\n"
    text += f'    %0 = graph.relu %x : tensor<4xf32> loc("#include \\"{path}\\"")\n#include "{path}"\n'
    (folder / "bad.ir").write_text(text)
    glassrt.compile(folder / "bad.ir", target="host")


def linked_sidecar(folder: Path, path: Path) -> None:
    (folder / "bad.ir").write_text("module @m {\n}\n")
    (folder / "bad.weights").symlink_to(path)
    glassrt.compile(folder / "bad.ir", target="host")


def external(folder: Path, path: Path) -> None:
    (folder / "bad.onnx").write_bytes(stored(path))
    glassrt.compile(folder / "bad.onnx", target="host")


def as_model(folder: Path, path: Path) -> None:
    glassrt.compile(path, target="host")


def as_ir(folder: Path, path: Path) -> None:
    path.rename(folder / "canary.ir")
    glassrt.compile(folder / "canary.ir", target="host")


def as_plan(folder: Path, path: Path) -> None:
    glassrt.load(path)


@pytest.mark.parametrize("attempt", [include, linked_sidecar, external, as_model, as_plan])
def test_errors_do_not_show_what_a_file_holds(attempt: Callable[[Path, Path], None], canary: Path) -> None:
    with pytest.raises(GlassError) as caught:
        attempt(canary.parent, canary)
    assert SECRET not in str(caught.value)


def test_only_ir_text_itself_is_quoted(canary: Path) -> None:
    """The line with the fault is shown, since the user named the file as IR text; no other line is."""
    canary.write_text(f"module @m {{\n  nonsense\n}}\n{SECRET}\n")
    with pytest.raises(GlassError, match="nonsense") as caught:
        as_ir(canary.parent, canary)
    assert SECRET not in str(caught.value)
