"""A fault that a command shows: it fails on a model as it does on the whole one."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import onnx
from onnx import ModelProto

from ...errors import InputError
from ...runtime.leftovers import cleared, temporary_folder
from ..files.arrays import write_arrays
from .candidate import Feeds

MODEL, INPUTS = "{model}", "{inputs}"
BRACED = re.compile(r"(?<!\$)\{[A-Za-z_]+\}")  # but for variables of the shell, ${NAME}
ALIKE = 0.8  # of a slip of the hand, as difflib measures it
LEAST_SECONDS = 10.0
SLOWER = 5  # a command that takes so many times as long as on the whole model hangs
SHOWN_BYTES = 4000


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, below 0 for a signal, None where it was stopped; the end of what it
    wrote; its seconds."""

    code: int | None
    output: str
    seconds: float

    def __str__(self) -> str:
        return "was stopped, as it took too long" if self.code is None else f"exits with {self.code}"


def _check_placeholders(text: str) -> None:
    """Raise InputError for what is nearly a placeholder in the command TEXT; braces may mean other things."""
    for braced in BRACED.findall(text):
        meant = get_close_matches(braced.lower(), (MODEL, INPUTS), 1, ALIKE)
        if meant and braced != meant[0]:
            raise InputError(f"nothing stands for {braced} in the command; is {meant[0]} meant?")


class CommandFault:
    """Whether a command fails on a model as on the first one: with the same exit code, and saying the same.

    text: for the shell; `{model}` stands for the path of the model, and `{inputs}` for that of an .npz file
    with its inputs; without `{model}`, the path is the last argument. says: a regular expression that its
    output has to match, empty for any; seconds: the limit, after which it is stopped, None for 5 times what
    it takes on the first model and at least 10 s; hangs: whether the fault is that it is stopped.

    It may write what it likes: models are in a temporary folder, and the folder that it runs in is the
    caller's.
    """

    def __init__(self, text: str, says: str = "", seconds: float | None = None, hangs: bool = False) -> None:
        if hangs and seconds is None:
            raise InputError("a command that hangs needs a limit", "say after how many seconds it hangs")
        _check_placeholders(text)
        try:
            self._says = re.compile(says)
        except re.error as error:
            raise InputError(f"{says!r} is no regular expression: {error}") from None
        self._text = text if MODEL in text else f"{text} {MODEL}"
        self._seconds, self._hangs = seconds, hangs
        self._code: int | None = None

    def begin(self, model: ModelProto, feeds: Feeds) -> None:
        """Run the command on the whole model. Raises InputError where it does not fail."""
        ended = self._run(model, feeds)
        shown = f"the command {ended}" + (
            f", and writes: {ended.output.strip()[-300:]}" if ended.output else ""
        )
        if (ended.code is None) != self._hangs:
            hint = "give it more time, or look for that it hangs" if not self._hangs else None
            raise InputError(shown, hint)
        if ended.code == 0:
            raise InputError("the command succeeds on the model: there is no fault to keep", shown)
        if ended.code in _NO_COMMAND:
            raise InputError(f"the command cannot be run: {ended.output.strip()[-300:]}")
        if not self._says.search(ended.output):
            raise InputError("the command fails, but does not say what it has to", shown)
        self._code = ended.code
        self._seconds = self._seconds or max(LEAST_SECONDS, SLOWER * ended.seconds)

    def __call__(self, model: ModelProto, feeds: Feeds) -> bool:
        ended = self._run(model, feeds)
        return ended.code == self._code and self._says.search(ended.output) is not None

    def close(self) -> None:
        """Nothing is left of it."""

    def _run(self, model: ModelProto, feeds: Feeds) -> Ended:
        with temporary_folder() as folder:
            path, inputs, log = folder / "model.onnx", folder / "inputs.npz", folder / "log"
            onnx.save(model, path)
            write_arrays(inputs, dict(feeds))
            text = self._text.replace(MODEL, shlex.quote(str(path))).replace(INPUTS, shlex.quote(str(inputs)))
            begin = time.monotonic()
            code = _ended(text, log, self._seconds)
            return Ended(code, _tail(log), time.monotonic() - begin)


_NO_COMMAND = (126, 127)  # what the shell gives for a command that is none


def _ended(text: str, log: Path, seconds: float | None) -> int | None:
    """The exit code of the command TEXT, whose output goes to LOG; None where it and all that it started were
    stopped after SECONDS."""
    with open(log, "wb") as out:
        process = subprocess.Popen(  # a group of its own, so that its children end with it
            text,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with cleared(lambda: _stop(process)):
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End PROCESS, and what it has started and left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(log: Path) -> str:
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - SHOWN_BYTES))
        return file.read().decode(errors="replace")
