"""The command-line application: its commands, and how errors become messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from importlib import metadata
from typing import Annotated, Any

import numpy as np
import typer
from typer.core import TyperGroup

from ...errors import GlassError
from ...runtime.leftovers import clear_all
from .bench import bench
from .build import build
from .calibrate import calibrate
from .check import check
from .console import say_error
from .diff import diff
from .explain import explain
from .extract import extract
from .failure import UsageError, tell, tell_misuse, wants_json
from .inspect import inspect
from .opt import opt
from .outputs import guarded
from .reduce import reduce
from .run import run
from .tune import tune

AS_JSON = "glassrt.json"  # where a context keeps whether --json is given


class _Commands(TyperGroup):
    """The command group: turns errors into a message and an exit code (1 failure, 2 usage, 3 unsupported)."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        ctx.meta[AS_JSON] = wants_json(args)
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            tell_misuse(error, ctx.meta[AS_JSON])
            raise

    @np.errstate(all="ignore")
    def invoke(self, ctx: Any) -> Any:
        as_json = ctx.meta[AS_JSON]
        try:
            return super().invoke(ctx)
        except GlassError as error:
            tell(error, as_json)
            raise typer.Exit(error.exit_code) from None
        except UsageError as error:
            tell_misuse(error, as_json)
            raise
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone
                raise
            reason = error.strerror or str(error)
            tell(GlassError(f"cannot use {error.filename}: {reason}" if error.filename else reason), as_json)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Commands,
    name="glassrt",
    help="Compile ONNX models to readable CUDA plans, run them, and look inside.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
__all__ = ["app", "clear_all", "main"]

COMMANDS = (build, run, bench, inspect, explain, diff, opt, check, calibrate, tune, reduce, extract)
for command in COMMANDS:
    app.command()(guarded(command))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"glassrt {metadata.version('glassrt')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Compile ONNX models to readable CUDA plans, run them, and look inside."""


def main() -> None:
    """Run the command line; ends the process."""
    try:
        app()
    finally:
        _flush()


def _flush() -> None:
    """Flush stdout before the process exits, while a failure to write can still be reported."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # Otherwise Python flushes again at exit, and reports the same failure in its own words.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:
            say_error(GlassError(f"cannot write to stdout: {error.strerror}"))
        raise SystemExit(1) from None
