"""Errors of kernel families in typed form, with the kernel and its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb

from ...errors import GlassError, KernelError
from ...errors.diagnostic import Diagnostic, Note
from ..request.describe import title
from ..request.request import Request

HINT = "this is a bug of the kernel family, not of the model; keeping its ops apart (--nofuse) may avoid it"


@contextmanager
def attributed(family: str, request: Request, doing: str) -> Iterator[None]:
    """A context in which FAMILY is DOING something ("proposing", "making") about REQUEST's kernel.

    Raises KernelError, with the cause, for every exception that is not a `GlassError`. A RecursionError
    passes: it says that the model is nested too deeply, which the build reports.
    """
    try:
        yield
    except (GlassError, RecursionError):
        raise
    except Exception as error:
        what = f"the kernel family '{family}' failed while {doing} {request.name} ({title(request)})"
        raise KernelError.of(
            Diagnostic(
                f"{what}: {type(error).__name__}: {error}",
                notes=(Note(f"raised in {_place(error)}"),),
                hints=(HINT,),
                nodes=tuple(dict.fromkeys(node for op in request.ops for node in op.location.nodes)),
                level="launch",
            )
        ) from error


def _place(error: Exception) -> str:
    """The file, by its name, line and function in which ERROR was raised."""
    last = extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}, {last.name}"
