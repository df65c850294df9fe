"""Whose mistake it is: what the methods of a custom op raise becomes an error about its node and its file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb

from ...errors import GlassError
from ...errors.diagnostic import Note
from ..core.diagnostics import op_error
from ..core.ir import Operation

SPARED = (GlassError, RecursionError, MemoryError)  # what is said already, or no mistake of the file


@contextmanager
def blamed(op: Operation, method: str, onnx: str, file: str) -> Iterator[None]:
    """A context in which METHOD of OP, which FILE defines for the ONNX op ONNX, runs.

    Raises IRError, with the cause, for every exception that is no `GlassError`.
    """
    try:
        yield
    except SPARED:
        raise
    except Exception as error:
        message = f"{method} of {onnx} in {Path(file).name} failed ({type(error).__name__}: {error})"
        raise op_error(op, message, notes=_places(error, file)) from error


def _places(error: Exception, file: str) -> list[Note]:
    """Where in FILE the ERROR was raised; nothing where it was not raised there."""
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename == file]
    return [Note(f"raised in {Path(file).name}:{frame.lineno}, {frame.name}") for frame in frames[-1:]]
