"""Libraries that are not installed: an error with what to install, never ModuleNotFoundError."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest
from glassrt.errors import MissingError
from glassrt.errors.absent import _EXTRAS, load_part, missing

from ..places import ROOT

PROGRAM = """
import sys
absent = set(sys.argv.pop(1).split(","))
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import glassrt
from glassrt.compiler.cli import main
if sys.argv[1:]:
    main()
try:
    glassrt.compile("m.onnx")
except glassrt.MissingError as error:
    print(error.message, error.hint)
"""


def run(absent: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, absent, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_what_the_compiler_needs_is_named() -> None:
    assert "this needs onnx, which is not installed pip install 'glassrt[compiler]'" in run("onnx").stdout


def test_the_command_says_so_too() -> None:
    done = run("lark", "bench", "m.onnx")
    assert done.returncode == 1 and "pip install 'glassrt[compiler]'" in done.stderr
    done = run("typer,rich", "bench", "m.plan")
    assert done.returncode == 1 and "needs typer" in done.stderr


def test_extras_by_library_and_our_own_modules() -> None:
    assert missing(ModuleNotFoundError(name="onnxruntime.capi")).hint == "pip install 'glassrt[check]'"
    with pytest.raises(ModuleNotFoundError):
        load_part(".no_such_part", "glassrt.errors")
    with pytest.raises(MissingError, match="no_such_library"):
        load_part("no_such_library", "glassrt")


def test_what_is_to_be_installed_is_there() -> None:
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(_EXTRAS.values()) <= own["optional-dependencies"].keys()
