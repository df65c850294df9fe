"""NVRTC in a process of its own, which can be ended: for kernels that may take very long.

NVRTC asks now and then whether to go on while it optimises, but not while it makes machine code, which for
a large kernel may be an hour; a thread in there can neither be stopped nor left behind. A process costs a
quarter of a second, so only kernels that are expected to take several seconds are given one.

Request and answer are JSON on the standard streams.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from ...errors import CompileError
from ...runtime.children import Children
from .compile import NvrtcProgram, run

_CODE = "from {module} import answer; answer()"


def run_in_child(program: NvrtcProgram, children: Children, seconds: float) -> tuple[bytes, str]:
    """As `nvrtc_compile.run`, in a process that gets SECONDS. Raises TimeoutError after that."""
    command = [sys.executable, "-P", "-c", _CODE.format(module=__name__)]
    try:
        done = children.run(command, seconds, input=json.dumps(program.to_json()), env=_environment(sys.path))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    except OSError as error:
        raise CompileError(f"the process that compiles did not start: {error.strerror or error}") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CompileError(f"the process that compiles kernel {program.name} failed: {last[:200]}")
    try:
        found: dict[str, Any] = json.loads(done.stdout)
        if "error" in found:
            raise CompileError(found["error"])
        return base64.b64decode(found["cubin"]), found["log"]
    except (ValueError, KeyError):
        raise CompileError(f"the process that compiles kernel {program.name} gave no answer") from None


def _environment(path: Sequence[str]) -> dict[str, str]:
    """That of this process, and its path of modules, which a program may have changed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in path)}


def answer() -> None:
    """What the process does."""
    program = NvrtcProgram.from_json(json.load(sys.stdin))
    try:
        cubin, log = run(program, lambda: False)
        found = {"cubin": base64.b64encode(cubin).decode(), "log": log}
    except CompileError as error:
        found = {"error": error.message}
    json.dump(found, sys.stdout)
