"""Runs NVRTC in a child process that can be killed, for kernels that may take very long to compile.

NVRTC asks for cancellation while it optimises, but not while ptxas generates machine code, which
may take an hour for a large kernel; a thread in there can be neither stopped nor abandoned. A process costs a
quarter of a second to start, so only kernels that are expected to take several seconds get one.

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
from .program import NvrtcProgram, run

_CODE = "from {module} import answer; answer()"


def run_in_child(program: NvrtcProgram, children: Children, seconds: float) -> tuple[bytes, str]:
    """Runs `compile.run` in a child process with a limit of SECONDS; returns the cubin and NVRTC's log.

    Raises TimeoutError after that time, and CompileError when NVRTC rejects the program or the child fails.
    """
    command = [sys.executable, "-P", "-c", _CODE.format(module=__name__)]
    try:
        done = children.run(command, seconds, input=json.dumps(program.to_json()), env=_environment(sys.path))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    except OSError as error:
        raise CompileError(f"the compiler process did not start: {error.strerror or error}") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise CompileError(f"the compiler process of kernel {program.name} failed: {last[:200]}")
    try:
        found: dict[str, Any] = json.loads(done.stdout)
        if "error" in found:
            raise CompileError.with_log(found["error"], found["log"])
        return base64.b64decode(found["cubin"]), found["log"]
    except (ValueError, KeyError):
        raise CompileError(f"the compiler process of kernel {program.name} gave no answer") from None


def _environment(path: Sequence[str]) -> dict[str, str]:
    """The environment of this process with its module search PATH, which a program may have changed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in path)}


def answer() -> None:
    """The main function of the child: compiles the program on stdin and writes the answer to stdout."""
    program = NvrtcProgram.from_json(json.load(sys.stdin))
    try:
        cubin, log = run(program)
        found = {"cubin": base64.b64encode(cubin).decode(), "log": log}
    except CompileError as error:
        found = {"error": error.message, "log": error.log}
    json.dump(found, sys.stdout)
