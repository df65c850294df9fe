"""With --json a command that fails prints one JSON object on stdout; text on stderr and exit codes stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from glassrt.compiler.cli.app import app

from ...places import DIGITS
from .support import ADD_RELU, Glassrt
from .test_app import unsupported_model

COMMANDS = ["build", "run", "bench", "inspect", "explain", "diff"]
COMMANDS += ["opt", "check", "calibrate", "tune", "reduce", "extract", "verify"]
# Those that compile what they are given; `reduce` says of such a model that it does not show the fault.
COMPILE = [name for name in COMMANDS if name not in ("tune", "extract", "reduce", "verify")]


def failed(glassrt: Glassrt, *arguments: object, code: int) -> dict[str, Any]:
    """The error that a command ends with."""
    result = glassrt(*arguments, code=code)
    (key,) = found = json.loads(result.stdout)
    error: dict[str, Any] = found[key]
    assert key == "error" and error["exit_code"] == code and result.stderr
    return error


@pytest.mark.parametrize("command", COMPILE)
def test_every_command_with_json_prints_errors_as_such(
    glassrt: Glassrt, tmp_path: Path, command: str
) -> None:
    options = {
        "build": ("-o", tmp_path / "net.plan"),
        "explain": ("a",),
        "diff": (tmp_path / "model.onnx",),
        "calibrate": ("--from-histograms", tmp_path / "net.table"),
    }.get(command, ())
    for name, kind, code in (("absent.onnx", "ModelError", 1), ("model.onnx", "UnsupportedError", 3)):
        path = unsupported_model(tmp_path / "model.onnx").with_name(name)
        error = failed(glassrt, command, path, *options, "--json", code=code)
        assert error["kind"] == kind
    whole, *cases = error["diagnostics"]
    assert whole["severity"] == "error" and [case["nodes"] for case in cases] == [
        ["first\x1b[31m"],
        ["second"],
    ]


def test_commands_with_json_are_those_of_the_test(glassrt: Glassrt) -> None:
    assert [each.callback.__name__ for each in app.registered_commands if each.callback] == COMMANDS
    assert all(" --json " in glassrt(name, "--help").stdout for name in COMMANDS)


def test_the_place_in_a_text_is_data(
    glassrt: Glassrt, small: Path, golden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.write_text(ADD_RELU.replace("graph.add %a, %b", "graph.add %a, %w"), encoding="utf-8")
    monkeypatch.chdir(small.parent)
    result = glassrt("inspect", small.name, "-t", "host", "--json", code=1)
    assert result.stdout == golden


@pytest.mark.parametrize(
    ("options", "message", "hints"),
    [
        (("--precision", "int3"), "invalid value for --precision: there is no precision 'int3'", 1),
        (("--override", "op:sofmax=fp32"), "invalid value for --override: there is no op 'sofmax'", 1),
        (("--target", "sm_1"), "invalid value for --target: ", 1),
        (("--shape", "N=1,x,3"), "invalid value for --shape: 'x' is not a number", 1),
        (("--colour",), "No such option: --colour", 0),
    ],
)
def test_wrong_usage_is_told_as_json(
    glassrt: Glassrt, options: tuple[str, ...], message: str, hints: int
) -> None:
    error = failed(glassrt, "inspect", DIGITS, *options, "--json", code=2)
    (diagnostic,) = error["diagnostics"]
    assert error["kind"] == "UsageError" and diagnostic["message"].startswith(message)
    shown = diagnostic["span"] and diagnostic["span"]["excerpt"]
    assert shown == (options[1] if len(options) > 1 else None)
    assert len(diagnostic["hints"]) == hints


def test_usage_of_the_whole_is_told_as_json(glassrt: Glassrt) -> None:
    assert failed(glassrt, "inspekt", DIGITS, "--json", code=2)["kind"] == "UsageError"
    assert failed(glassrt, "--colour", "inspect", DIGITS, "--json", code=2)["kind"] == "UsageError"


def test_without_json_nothing_is_printed_on_stdout(glassrt: Glassrt) -> None:
    assert glassrt("inspect", DIGITS, "--precision", "int3", code=2).stdout == ""
    assert glassrt("inspect", "absent.onnx", "--", "--json", code=None).stdout == ""
