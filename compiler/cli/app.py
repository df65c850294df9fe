"""The command-line application: its commands, and how errors become messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ...errors import GlassError
from ...runtime.leftovers import clear_all
from . import lazy
from .bench import bench
from .build import build
from .calibrate import calibrate
from .check import check
from .common import with_common
from .diff import diff
from .explain import explain
from .extract import extract
from .failure import UsageError, tell, tell_misuse, wants_json
from .habits import add_hint
from .inspect import inspect
from .opt import opt
from .outputs import guarded
from .reduce import reduce
from .run import run
from .tune import tune
from .verify import verify

AS_JSON = "glassrt.json"  # where a context keeps whether --json is given


class _Commands(TyperGroup):
    """The command group: turns errors into a message and an exit code (1 failure, 2 usage, 3 unsupported)."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        ctx.meta[AS_JSON] = wants_json(args)
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            self._misused(ctx, error)
            raise

    def invoke(self, ctx: Any) -> Any:
        as_json = ctx.meta[AS_JSON]
        try:
            return super().invoke(ctx)
        except GlassError as error:
            tell(error, as_json)
            raise typer.Exit(error.exit_code) from None
        except UsageError as error:
            self._misused(ctx, error)
            raise
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone
                raise
            reason = error.strerror or str(error)
            tell(GlassError(f"cannot use {error.filename}: {reason}" if error.filename else reason), as_json)
            raise typer.Exit(1) from None

    def _misused(self, ctx: Any, error: Any) -> None:
        """Let ERROR say how we write what other tools call otherwise, and report it as JSON if that is
        wanted."""
        add_hint(error)
        tell_misuse(error, ctx.meta[AS_JSON])


app = typer.Typer(
    cls=_Commands,
    name="glassrt",
    help="Compile ONNX models to readable CUDA plans, run them, and look inside.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
__all__ = ["app", "clear_all", "main"]

COMMANDS = (
    build,
    run,
    bench,
    inspect,
    explain,
    diff,
    opt,
    check,
    calibrate,
    tune,
    reduce,
    extract,
    verify,
)
for command in COMMANDS:
    app.command()(with_common(guarded(command)))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"glassrt {lazy.version('glassrt')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Compile ONNX models to readable CUDA plans, run them, and look inside."""


def main() -> None:
    """Run the command line; ends the process."""
    try:
        app(prog_name="glassrt")
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
            lazy.say_error(GlassError(f"cannot write to stdout: {error.strerror}"))
        raise SystemExit(1) from None
