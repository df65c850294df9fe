"""Ctrl-C at many moments: the command says "interrupted", ends with 130 within a second, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ...places import DIGITS
from .interrupted import START, interrupted

SWALLOWED = """
import sys, time
from glassrt.compiler.cli.interrupt import Interruptions
from glassrt.runtime.children import Children
from glassrt.runtime.leftovers import clear_all, temporary_folder
from glassrt.runtime.whole_files import write_whole
from pathlib import Path

watch = Interruptions()
watch.clear = clear_all
watch.watch()

class Deaf:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(60)

def write(file):
    file.write(b"half")
    with temporary_folder() as folder:
        Path(sys.argv[1], "folder").write_text(str(folder))
        del globals()["deaf"]
        Children().run(["sleep", "77"], 70)

deaf = Deaf()
write_whole(Path(sys.argv[1], "whole"), write)
"""


def test_what_is_swallowed_ends_the_process_and_leaves_nothing(tmp_path: Path) -> None:
    result = interrupted(SWALLOWED, tmp_path, delay=0.1)
    assert (result.returncode, result.stderr) == (130, "interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert not os.path.exists((tmp_path / "folder").read_text())


TURNED_INTO_AN_ERROR = """
import sys, time
from glassrt.compiler.cli.interrupt import Interruptions

watch = Interruptions()
watch.watch()
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("a module failed to import", file=sys.stderr, flush=True)
    time.sleep(60)
"""


def test_an_interruption_that_became_an_error_is_an_interruption() -> None:
    result = interrupted(TURNED_INTO_AN_ERROR, delay=0.1)
    assert (result.returncode, result.stderr) == (130, "interrupted\n")


def test_who_ignores_interruptions_is_not_interrupted(tmp_path: Path) -> None:
    code = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{START}"
    result = interrupted(code, "--version", delay=0.05)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("glassrt ")


def test_an_end_without_space_is_said() -> None:
    code = "from glassrt.compiler.cli import main; main()"
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", code, "opt", str(DIGITS)]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ") and result.stderr.endswith("No space left on device\n")
    assert result.stderr.count("\n") == 1
