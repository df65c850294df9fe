"""No command writes over what it reads, nor over a file of another kind without being told to."""

from __future__ import annotations

import os
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import pytest
from glassrt import CalibrationTable, Plan
from glassrt.compiler.cli.app import app
from glassrt.compiler.cli.outputs import Dumped, Written
from glassrt.compiler.settings.lock import TacticsLock

from ...places import DIGITS
from .support import Glassrt

COMMANDS: dict[str, Any] = {
    each.callback.__name__: each.callback for each in app.registered_commands if each.callback
}
# The paths that commands read. An option that is in none of both lists is a fault of its command.
INPUTS = {"model", "subject", "plan", "a", "b", "reference", "inputs", "calibration", "data", "ops"}
INPUTS |= {"from_histograms", "from_trt_cache", "from_onnx_runtime", "from_qdq", "times", "errors"}


def paths_of(command: str) -> dict[str, tuple[object, ...]]:
    """The parameters of a command that are paths, with their marks."""
    found = {name: each.annotation for name, each in signature(COMMANDS[command]).parameters.items()}
    return {name: hint.__metadata__ for name, hint in found.items() if Path in _types(get_args(hint)[:1])}


def _types(hints: tuple[Any, ...]) -> set[Any]:
    return {*hints, *(inner for hint in hints for inner in _types(get_args(hint)))}


def outputs_of(command: str) -> set[str]:
    return {name for name, marks in paths_of(command).items() if any(isinstance(m, Written) for m in marks)}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_path_of_a_command_is_read_or_marked_as_written(command: str) -> None:
    written = {
        name
        for name, marks in paths_of(command).items()
        if any(isinstance(m, Written | Dumped) for m in marks)
    }
    assert paths_of(command).keys() - written <= INPUTS
    assert not written & INPUTS
    assert ("force" in signature(COMMANDS[command]).parameters) == bool(outputs_of(command))


# ---------------------------------------------------------------- every output of every command


@pytest.fixture
def given(small: Path, tmp_path: Path) -> dict[str, Path]:
    """A file of every kind that commands read, by a name for it."""
    paths = {"model": small, "data": tmp_path / "x.npz", "table": tmp_path / "old.table"}
    paths |= {"lock": tmp_path / "net.lock", "plan": tmp_path / "old.plan"}
    np.savez(paths["data"], x=np.zeros((4, 4), np.float32))
    CalibrationTable("0" * 64, "entropy", 0, {}).save(paths["table"])
    TacticsLock().save(paths["lock"])
    paths["plan"].write_bytes(b"GLASSRT\0")
    paths["onnx"] = tmp_path / "digits.onnx"
    paths["onnx"].write_bytes(DIGITS.read_bytes())
    return paths


Arguments = Callable[[dict[str, Path], object], tuple[object, ...]]
# By command and parameter: the arguments that write OUT, and which of the files they read.
CASES: dict[tuple[str, str], tuple[Arguments, tuple[str, ...]]] = {
    ("build", "output"): (
        lambda f, out: ("build", f["model"], "-o", out, "--lock", f["lock"], "--calibration", f["table"]),
        ("model", "lock", "table"),
    ),
    ("build", "export_qdq"): (
        lambda f, out: ("build", f["model"], "-o", f["plan"], "--export-qdq", out),
        ("model",),
    ),
    ("build", "lock"): (
        lambda f, out: ("build", f["model"], "-o", f["plan"], "--tune", "2", "--lock", out),
        ("model",),
    ),
    ("run", "outputs"): (lambda f, out: ("run", f["model"], "-i", f["data"], "-o", out), ("model", "data")),
    ("opt", "output"): (lambda f, out: ("opt", f["model"], "-o", out), ("model",)),
    ("calibrate", "output"): (
        lambda f, out: ("calibrate", f["model"], f["data"], "-o", out),
        ("model", "data"),
    ),
    ("calibrate", "trt_cache"): (
        lambda f, out: ("calibrate", f["model"], "--from-histograms", f["table"], "--trt-cache", out),
        ("model", "table"),
    ),
    ("tune", "output"): (lambda f, out: ("tune", f["plan"], "--lock", f["lock"], "-o", out), ("lock",)),
    ("extract", "output"): (lambda f, out: ("extract", f["onnx"], "-o", out), ("onnx",)),
    ("reduce", "output"): (
        lambda f, out: ("reduce", f["onnx"], "-i", f["data"], "--wrong", "-o", out),
        ("onnx", "data"),
    ),
    ("tune", "lock"): (lambda f, out: ("tune", f["plan"], "--lock", out), ("plan",)),
    ("inspect", "onnx"): (lambda f, out: ("inspect", f["model"], "--onnx", out), ("model",)),
    ("inspect", "html"): (
        lambda f, out: ("inspect", f["model"], "--html", out, "--calibration", f["table"]),
        ("model", "table"),
    ),
}


def test_the_cases_are_all_outputs_of_all_commands() -> None:
    assert CASES.keys() == {(command, name) for command in COMMANDS for name in outputs_of(command)}


@pytest.mark.parametrize(
    ("case", "read"), [(case, name) for case, (_, read) in CASES.items() for name in read]
)
def test_an_input_is_never_written_over(
    glassrt: Glassrt, given: dict[str, Path], case: tuple[str, str], read: str
) -> None:
    path = given[read]
    before = path.read_bytes()
    linked = path.with_name("linked")
    linked.symlink_to(path)
    for out in (path, linked):
        for force in ((), ("--force",)):
            shown = glassrt(*CASES[case][0](given, out), *force, code=2).stderr
            assert "is an input of this command" in " ".join(shown.split()), shown
    assert path.read_bytes() == before and linked.is_symlink()


@pytest.mark.parametrize("case", [case for case in CASES if case[1] != "lock"])
def test_a_file_of_another_kind_stays_without_force(
    glassrt: Glassrt, given: dict[str, Path], tmp_path: Path, case: tuple[str, str]
) -> None:
    other = tmp_path / "thesis.tex"
    other.write_text("\\documentclass{article}")
    shown = " ".join(glassrt(*CASES[case][0](given, other), code=2).stderr.split())
    assert "exists and is not" in shown and "--force replaces it" in shown and "Invalid value for --" in shown
    assert other.read_text() == "\\documentclass{article}"


@pytest.mark.parametrize("case", CASES)
def test_a_place_for_no_file_is_known_before_the_work(
    glassrt: Glassrt, given: dict[str, Path], tmp_path: Path, case: tuple[str, str]
) -> None:
    arguments = CASES[case][0]
    assert "exists and is not a regular file" in glassrt(*arguments(given, tmp_path), code=2).stderr
    assert "there is no folder" in glassrt(*arguments(given, tmp_path / "a" / "b"), code=2).stderr


# ---------------------------------------------------------------- what goes along with a file


def test_force_and_files_of_the_same_kind(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.plan"
    out.write_text("notes")
    glassrt("build", small, "-t", "host", "-o", out, "--force")
    glassrt("build", small, "-t", "host", "-o", out)
    assert Plan.load(out).targets == ()


def test_what_is_written_beside_a_file_is_held_to_the_same(glassrt: Glassrt, tmp_path: Path) -> None:
    (tmp_path / "yolo.weights").write_bytes(b"of another framework")
    shown = glassrt("opt", DIGITS, "-o", tmp_path / "yolo.ir", code=2).stderr
    assert "is not a file of weights of IR text" in " ".join(shown.split())
    assert not (tmp_path / "yolo.ir").exists()


def test_the_weights_of_a_text_are_an_input(glassrt: Glassrt, tmp_path: Path) -> None:
    glassrt("opt", DIGITS, "-o", tmp_path / "net.ir")
    weights = (tmp_path / "net.weights").read_bytes()
    glassrt("build", tmp_path / "net.ir", "-t", "host", "-o", tmp_path / "net.weights", "--force", code=2)
    assert (tmp_path / "net.weights").read_bytes() == weights


def test_the_external_data_of_a_model_is_an_input(glassrt: Glassrt, tmp_path: Path) -> None:
    model, data = tmp_path / "net.onnx", tmp_path / "net.bin"
    onnx.save(onnx.load(DIGITS), model, save_as_external_data=True, location=data.name, size_threshold=0)
    before = data.read_bytes()
    for command in ("build", "extract"):
        shown = glassrt(command, model, "-o", data, "--force", code=2).stderr
        assert "is an input of this command" in " ".join(shown.replace("│", " ").split())
    assert data.read_bytes() == before


def test_what_lies_beside_an_output_of_another_name_stays(glassrt: Glassrt, tmp_path: Path) -> None:
    small, data = tmp_path / "x.onnx", tmp_path / "x.npz"
    np.savez(data, x=np.zeros(3))
    before = data.read_bytes()
    arguments = ("reduce", DIGITS, "-o", small, "--fails", "false", "--trials", 1)
    shown = glassrt(*arguments, code=2).stderr
    assert "which it would be written with" in " ".join(shown.replace("│", " ").split())
    assert data.read_bytes() == before and not small.exists()
    glassrt(*arguments, "--force")
    assert data.read_bytes() != before
    glassrt(*arguments)  # both are of one reduction now


def test_one_file_is_not_written_twice(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.plan"
    shown = glassrt("build", small, "-o", out, "--export-qdq", tmp_path / "." / "net.plan", code=2).stderr
    assert "is also --export-qdq" in shown or "is also --output" in shown


def test_dumps_do_not_go_where_their_input_lies(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "net.plan", "--dump-dir", small.parent)
    assert "over which a dump might be written" in " ".join(
        glassrt("build", small, *out, code=2).stderr.split()
    )


def test_files_have_the_usual_permissions(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    before = os.umask(0o026)
    try:
        options = ("-t", "host", "-o", tmp_path / "net.plan", "--dump-dir", tmp_path / "dumps")
        glassrt("build", small, *options)
        glassrt("run", small, "--interpret", "-o", tmp_path / "y.npz")
        glassrt("opt", DIGITS, "-o", tmp_path / "digits.ir")
    finally:
        os.umask(before)
    made = [path for path in tmp_path.rglob("*") if path != small]
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in made}
    assert modes == {path.name: "0o751" if path.is_dir() else "0o640" for path in made} and len(modes) > 8
