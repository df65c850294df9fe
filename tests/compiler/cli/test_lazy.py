"""Help without waiting for the compiler, and the names that commands load when they run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from glassrt.compiler.cli import lazy

HELP = """
import os, sys, time
sys.argv = ["glassrt", *sys.argv[1:]]
from glassrt.compiler.cli import main
try:
    main()
finally:
    heavy = {"numpy", "onnx", "rich", "lark", "jinja2", "glassrt.dialects", "glassrt.codegen"}
    print(f"spent {time.process_time()} loaded {sorted(heavy & sys.modules.keys())}", file=sys.stderr)
"""


def test_every_name_is_there() -> None:
    for name in lazy._PLACE_OF:
        assert getattr(lazy, name) is not None
    with pytest.raises(AttributeError, match="no_such"):
        lazy.no_such


@pytest.mark.parametrize("arguments", [["-h"], ["build", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", HELP, *arguments]
    spent = []
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0 and done.stdout, done.stderr
        words = done.stderr.split()
        assert words[2:] == ["loaded", "[]"], done.stderr
        spent.append(float(words[1]))
    # Processor time, and the least of it, since other processes take the cores and what they have in common.
    assert min(spent) < 0.6, spent
