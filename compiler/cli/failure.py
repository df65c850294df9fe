"""Errors that end a command: text on stderr and, with --json, JSON on stdout.

The JSON is one object: `{"error": {"kind": ..., "exit_code": ..., "diagnostics": [...]}}`. It takes the
place of the result, so a program that reads stdout finds one or the other. `docs/diagnostics.md`
describes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from ...errors import GlassError
from ...errors.diagnostic import Diagnostic
from . import lazy

# The usage error of click. Some versions of typer contain a copy of click, so it is reached through typer.
UsageError: Any = typer.BadParameter.__base__


class _Misused(GlassError):
    """A usage error as data for --json; typer prints the text."""

    exit_code = 2


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether --json is among ARGUMENTS, even if the rest of them is invalid."""
    words = list(arguments)
    return "--json" in words[: words.index("--") if "--" in words else None]


def tell(error: GlassError, as_json: bool) -> None:
    """Report ERROR on stderr and, with --json, on stdout."""
    lazy.say_error(error)
    if as_json:
        _write(error, type(error).__name__)


def tell_misuse(error: Any, as_json: bool) -> None:
    """Report a `UsageError` as JSON where that is asked for; typer itself prints the text."""
    if as_json:
        _write(_Misused.of(_of_usage(error)), "UsageError")


def _of_usage(error: Any) -> Diagnostic:
    cause = error.__cause__
    if not isinstance(cause, GlassError):
        return Diagnostic(error.format_message())
    return cause.diagnostic.within(f"invalid value for {error.param_hint}")


def _write(error: GlassError, kind: str) -> None:
    lazy.write_json({"error": {**error.data(), "kind": kind}})
