"""A reproducer is compiled and run without GlassRT: it agrees, and it tells an output that is off."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt import InputError, write_reproducer
from glassrt.runtime.host_compiler import find_compiler
from onnx import TensorProto, helper, numpy_helper


def network() -> bytes:
    """A product, whose kernel copies by TMA where it is for Hopper, and a softmax."""
    rng = np.random.default_rng(0)
    weight = numpy_helper.from_array(rng.standard_normal((64, 64)).astype(np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Softmax", ["m"], ["y"])]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 64]) for name in "xy"]
    graph = helper.make_graph(nodes, "net", infos[:1], infos[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())


def test_it_runs_without_glassrt(tmp_path: Path) -> None:
    x = np.random.default_rng(1).standard_normal((3, 64)).astype(np.float32)
    write_reproducer(
        tmp_path, network(), {"x": x}, precision="fp16", target="sm_90a", shapes={"N": (1, 4, 64)}
    )
    assert {"graph.ir", "launch.ir", "inputs.npz", "cubins", "README"} <= {p.name for p in tmp_path.iterdir()}

    def ran() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["./repro_host"], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    environment = {"CXX": " ".join(find_compiler().command), "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "build_host.sh"], cwd=tmp_path, check=True, env=environment)
    done = ran()
    assert done.returncode == 0 and "y: relative error" in done.stdout, (done.stdout, done.stderr)
    assert "within the bound" in done.stdout
    off = np.fromfile(tmp_path / "expected_0.bin", np.float32)
    (off * 2).tofile(tmp_path / "expected_0.bin")
    done = ran()
    assert done.returncode == 1 and "y: relative error 0.5" in done.stdout and "BEYOND" in done.stdout
    (tmp_path / "weights.bin").unlink()
    assert ran().returncode == 2


def test_outputs_of_sizes_that_data_decides_are_an_error(tmp_path: Path) -> None:
    node = helper.make_node("NonZero", ["x"], ["y"])
    infos = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [6]),
        helper.make_tensor_value_info("y", TensorProto.INT64, [1, "M"]),
    ]
    graph = helper.make_graph([node], "net", infos[:1], infos[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    with pytest.raises(InputError, match="depends on data"):
        write_reproducer(tmp_path, model, {"x": np.float32([0, 1, 0, 2, 0, 0])}, target="host")
    assert not list(tmp_path.iterdir())


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("mine")
    with pytest.raises(InputError, match="holds other files than a reproducer"):
        write_reproducer(tmp_path, network(), {"x": np.zeros((2, 64), np.float32)}, target="host")
    assert [path.name for path in tmp_path.iterdir()] == ["README"]


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({}, "no array for the input 'x'"),
        ({"x": [1]}, "is an array, not list"),
        ({"x": np.zeros((2, 3), np.float64)}, "input 'x' is float64"),
    ],
)
def test_inputs_that_do_not_fit(tmp_path: Path, inputs: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        write_reproducer(tmp_path, network(), inputs, target="host")
