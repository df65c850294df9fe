"""Runs code in a process of its own that may use only so much memory and time."""

from __future__ import annotations

import resource
import subprocess
import sys
from dataclasses import dataclass

PRELUDE = """
import sys, threading, glassrt
from glassrt.errors import GlassError

def attempt(act):
    try:
        act()
    except GlassError as error:
        print(type(error).__name__, str(error).splitlines()[0])
    else:
        print("fine")
"""


# Of this program alone: ru_maxrss would count what the process held before it became this program.
PEAK = """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print("peak", status["VmHWM"].split()[0])
"""


@dataclass(frozen=True)
class Outcome:
    """What the process printed, and the most memory it ever held (bytes)."""

    lines: list[str]
    peak: int


def run_limited(code: str, *arguments: str, gigabytes: float, seconds: int) -> Outcome:
    """Run CODE after the prelude, with ARGUMENTS in sys.argv[1:]; AssertionError when it dies.

    GIGABYTES limits the address space beyond what the libraries take, SECONDS the processor time.
    """
    script = PRELUDE + code + PEAK

    def limit() -> None:
        # onnx, numpy and their threads reserve (not use) well under 3 GB of address space.
        bound = int((gigabytes + 3) * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))

    result = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=20 * seconds,
        preexec_fn=limit,
    )
    assert result.returncode == 0, f"exit {result.returncode}\n{result.stdout}\n{result.stderr[-3000:]}"
    *lines, last = result.stdout.splitlines()
    return Outcome(lines, int(last.split()[1]) * 1024)
