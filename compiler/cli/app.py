"""The application: its commands, and how errors and interruptions end it."""

from __future__ import annotations

import errno
from importlib import metadata
from typing import Annotated, Any

import numpy as np
import typer
from typer.core import TyperGroup

from ...errors import GlassError
from .bench import bench
from .build import build
from .calibrate import calibrate
from .check import check
from .console import say_error
from .explain import explain
from .inspect import inspect
from .opt import opt
from .run import run

INTERRUPTED = 130


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
            say_error(f"cannot use {error.filename}: {error.strerror}" if error.filename else str(error))
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            say_error("interrupted")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Commands,
    name="glassrt",
    help="Compile ONNX models to readable CUDA plans, run them, and look inside.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
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
    app()
