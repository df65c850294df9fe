"""The application: its commands, and how errors end it."""

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
from .explain import explain
from .inspect import inspect
from .opt import opt
from .run import run


class _Commands(TyperGroup):
    """Turns errors into a message and an exit code: 1 failed, 2 usage, 3 unsupported model."""

    @np.errstate(all="ignore")
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GlassError as error:
            say_error(error.message, error.hint)
            raise typer.Exit(error.exit_code) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone
                raise
            reason = error.strerror or str(error)
            say_error(f"cannot use {error.filename}: {reason}" if error.filename else reason)
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

for command in (build, run, bench, inspect, explain, opt, check, calibrate):
    app.command()(command)


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
    """Write out what stdout still holds, while there is somebody to say that it cannot be."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries, and says so, again
        if error.errno != errno.EPIPE:
            say_error(f"cannot write to stdout: {error.strerror}")
        raise SystemExit(1) from None
