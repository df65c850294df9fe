"""Commands that are interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

# From its own first line on, a command can be interrupted; on a busy machine the package above takes a while.
START = "import sys, glassrt; print('ready', flush=True); from glassrt.compiler.cli import main; main()"


def interrupted(code: str, *arguments: object, delay: float) -> subprocess.CompletedProcess[str]:
    """What a process says that gets SIGINT after DELAY."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(delay)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode != 130 or time.monotonic() - begin < 2  # one, on a machine with time
    return subprocess.CompletedProcess(command, process.returncode, out, err)
