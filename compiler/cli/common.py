"""The options that every command has: how much is said on stderr."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints

from .options import LogLevel, LogName, Quiet, Verbose
from .verbosity import verbosity

_DEBUG = "GLASSRT_DEBUG"
_COMMON = (("quiet", Quiet, False), ("verbose", Verbose, 0), ("log_level", LogLevel, None))


def with_common(command: Callable[..., None]) -> Callable[..., None]:
    """COMMAND with the options that every command has, behind its own."""

    @wraps(command)
    def wrapped(**given: Any) -> None:
        quiet, verbose, level = (given.pop(name) for name, _, _ in _COMMON)
        with _saying(quiet, _level(verbose, level)):
            command(**given)

    hints = get_type_hints(command, include_extras=True)
    own = [each.replace(annotation=hints[name]) for name, each in signature(command).parameters.items()]
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, annotation, default in _COMMON
    ]
    # typer reads the signature and the annotations.
    wrapped.__signature__ = Signature([*own, *added])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in (*own, *added)}
    return wrapped


def _level(verbose: int, given: LogName | None) -> str | None:
    """The level of debug output as the environment says it; None to leave it as it is."""
    levels = list(LogName)
    if given is not None:
        return str(levels.index(given))
    return str(min(verbose, len(levels) - 1)) if verbose else None


@contextmanager
def _saying(quiet: bool, level: str | None) -> Iterator[None]:
    """Notes and debug output as asked for, until the command is done."""
    before, was_quiet = os.environ.get(_DEBUG), verbosity.quiet
    verbosity.quiet = quiet
    if level is not None:
        os.environ[_DEBUG] = level
    try:
        yield
    finally:
        verbosity.quiet = was_quiet
        if level is not None:
            os.environ.pop(_DEBUG)
            os.environ.update({} if before is None else {_DEBUG: before})
