"""How an error ends a command: as text on stderr and, where --json is given, as JSON on stdout.

The JSON is one object: `{"error": {"kind": ..., "exit_code": ..., "diagnostics": [...]}}`. It stands where
the result would, so a program that reads stdout finds the one or the other. `docs/diagnostics.md`
describes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from ...errors import GlassError
from ...errors.diagnostic import Diagnostic
from .console import say_error, write_json

# What a command line is refused with. It is click's, which is a part of typer in some of its versions.
UsageError: Any = typer.BadParameter.__base__


class _Misused(GlassError):
    """The command line means nothing; typer shows it as text."""

    exit_code = 2


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether --json is among ARGUMENTS; what they are otherwise may be wrong."""
    words = list(arguments)
    return "--json" in words[: words.index("--") if "--" in words else None]


def tell(error: GlassError, as_json: bool) -> None:
    """Say what ERROR does."""
    say_error(error)
    if as_json:
        _write(error, type(error).__name__)


def tell_misuse(error: Any, as_json: bool) -> None:
    """What typer does not say itself about a `UsageError`."""
    if as_json:
        _write(_Misused.of(_of_usage(error)), "UsageError")


def _of_usage(error: Any) -> Diagnostic:
    cause = error.__cause__
    if not isinstance(cause, GlassError):
        return Diagnostic(error.format_message())
    return cause.diagnostic.within(f"invalid value for {error.param_hint}")


def _write(error: GlassError, kind: str) -> None:
    write_json({"error": {**error.data(), "kind": kind}})
