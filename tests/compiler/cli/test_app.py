"""The application: exit codes, messages without a traceback, and the version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from ...places import DIGITS
from .support import Glassrt


def unsupported_model(path: Path) -> Path:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["i"], name="first\x1b[31m"),
        helper.make_node("RandomNormalLike", ["i"], ["y"], name="second"),
    ]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [y])), path)
    return path


@pytest.mark.parametrize("command", ["build", "run", "bench", "inspect", "opt"])
def test_an_unsupported_model_exits_with_3(glassrt: Glassrt, tmp_path: Path, command: str) -> None:
    model = unsupported_model(tmp_path / "model.onnx")
    output = ("-o", tmp_path / "net.plan") if command == "build" else ()
    result = glassrt(command, model, *output, code=3)
    assert result.stderr.startswith("error: ")
    assert "RandomNormalLike node 'first\\x1b[31m'" in result.stderr
    assert "'second'" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("command", ["build", "run", "bench", "inspect", "opt"])
@pytest.mark.parametrize("content", [None, b"", b"\x08\x07", b"GLASSRT\0", b"\xff" * 100])
def test_a_bad_file_exits_with_1(
    glassrt: Glassrt, tmp_path: Path, command: str, content: bytes | None
) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    output = ("-o", tmp_path / "net.plan") if command == "build" else ()
    assert glassrt(command, path, *output, code=1).stderr.startswith("error: ")
    assert not (tmp_path / "net.plan").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--shape", "N"),
        ("--shape", "N=1,2"),
        ("--shape", "N=1,x,3"),
        ("--shape", "N=1,2,3", "--shape", "N=1,2,3"),
        ("--input", "image"),
        ("--precision", "int3"),
        ("--target", "sm_1"),
        ("--target", "host "),
        ("--verify-each", "nothing"),
        ("--colour",),
    ],
)
def test_wrong_usage_exits_with_2(glassrt: Glassrt, tmp_path: Path, options: tuple[str, ...]) -> None:
    result = glassrt("build", DIGITS, "-o", tmp_path / "net.plan", *options, code=2)
    assert "Usage: " in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--shape", "M=1,2,3"), "symbolic dimensions: N"),
        (("--shape", "N=3,2,1"), ""),
        (("--input", "data=1,1,8,8"), "its inputs: 'image'"),
        (("--input", "image=1,8,8"), ""),
    ],
)
def test_shapes_that_do_not_fit_the_model_exit_with_1(
    glassrt: Glassrt, tmp_path: Path, options: tuple[str, ...], hint: str
) -> None:
    result = glassrt("build", DIGITS, "-o", tmp_path / "net.plan", "-t", "host", *options, code=1)
    assert hint in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_device_exits_with_1(glassrt: Glassrt, digits_plan: Path) -> None:
    for device in ("cuda:999", "tpu"):
        assert "error: " in glassrt("run", digits_plan, "--device", device, code=1).stderr


def test_a_folder_that_cannot_be_made_exits_with_1(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    options = ("-t", "host", "-o", tmp_path / "net.plan", "--dump-dir", small / "dump")
    assert "error: cannot write" in glassrt("build", small, *options, code=1).stderr
    assert not (tmp_path / "net.plan").exists()


def test_the_version_is_shown(glassrt: Glassrt) -> None:
    assert glassrt("--version").stdout.startswith("glassrt 0.")


def test_short_help_and_completion(glassrt: Glassrt) -> None:
    shown = glassrt("-h").stdout
    assert shown == glassrt("--help").stdout and "--install-completion" in shown
    assert glassrt("build", "-h").stdout == glassrt("build", "--help").stdout
    assert glassrt("-V").stdout == glassrt("--version").stdout


def test_the_package_is_a_command_whose_words_are_completed() -> None:
    def run(*arguments: str, **more: str) -> str:
        command = [sys.executable, "-m", "glassrt", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **more})
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("--version").startswith("glassrt 0.")
    words = {"_GLASSRT_COMPLETE": "complete_bash", "COMP_WORDS": "glassrt in", "COMP_CWORD": "1"}
    assert run(**words).split() == ["inspect"]
    words = {"_GLASSRT_COMPLETE": "complete_bash", "COMP_WORDS": "glassrt build --calib", "COMP_CWORD": "2"}
    assert run(**words).split() == ["--calibration"]
