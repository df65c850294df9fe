"""Attributes exceptions: those from the methods of a custom op become errors about its node and its file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import FrameSummary, extract_tb

from ...errors import GlassError
from ...errors.diagnostic import Note
from ..core.diagnostics import op_error
from ..core.ir import Operation

SPARED = (GlassError, MemoryError)  # already a typed error, or not the fault of the file
DEEP = 100  # frames of the file on one stack: more are its own recursion, not a deep call from outside


@contextmanager
def blamed(op: Operation, method: str, onnx: str, file: str) -> Iterator[None]:
    """A context in which METHOD of OP, which FILE defines for the ONNX op ONNX, runs.

    Raises IRError, with the cause, for every exception that is not a `GlassError`, and for an exit.
    """
    try:
        yield
    except SPARED:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, RecursionError) and len(_frames(error, file)) < DEEP:
            raise
        message = f"{method} of {onnx} in {Path(file).name} failed ({type(error).__name__}: {error})"
        raise op_error(op, message, notes=_places(error, file)) from error


def _places(error: BaseException, file: str) -> list[Note]:
    """The place in FILE where ERROR was raised; empty if it was raised elsewhere."""
    frames = _frames(error, file)
    return [Note(f"raised in {Path(file).name}:{frame.lineno}, {frame.name}") for frame in frames[-1:]]


def _frames(error: BaseException, file: str) -> list[FrameSummary]:
    """The frames of FILE on the stack that ERROR was raised on."""
    return [frame for frame in extract_tb(error.__traceback__) if frame.filename == file]
