"""Child processes: their output, their end, and that all of a task are killed together."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from glassrt.runtime.children import Children

ECHO = [sys.executable, "-Sc", "import sys; print(sys.stdin.read()[::-1]); sys.exit(3)"]
SLEEP = ["sleep", "60"]


def test_output_and_status_are_given_back() -> None:
    done = Children().run(ECHO, 60, "abc")
    assert (done.stdout, done.stderr, done.returncode) == ("cba\n", "", 3)


def test_a_process_that_takes_too_long_is_killed() -> None:
    begin = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        Children().run(SLEEP, 0.1)
    assert time.monotonic() - begin < 30


def test_a_stop_kills_what_runs_and_refuses_more() -> None:
    children, statuses = Children(), []
    thread = threading.Thread(target=lambda: statuses.append(children.run(SLEEP, 60).returncode))
    thread.start()
    while not children._running:
        time.sleep(0.01)
    children.stop()
    thread.join(30)
    assert len(statuses) == 1 and statuses[0] < 0 and not children._running
    with pytest.raises(InterruptedError):
        children.run(["true"], 60)


def test_what_cannot_start_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError):
        Children().run(["/nonexistent/program"], 1)
