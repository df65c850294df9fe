"""What the run line of a case means to `glassrt opt`, and the command that a reader types for it."""

from __future__ import annotations

import shlex
from functools import cache, wraps
from inspect import signature
from pathlib import Path
from typing import Any

import typer
from glassrt.compiler.cli.opt import opt
from glassrt.compiler.cli.opt_job import Job
from glassrt.compiler.cli.request import BuildRequest
from glassrt.errors import GlassError
from typer.testing import CliRunner

from .case_file import RUN, Case

TARGET = "sm_90a"  # of run lines that name none: what passes decide must not depend on this machine's GPU


def job_of(case: Case) -> Job:
    """The job that the options of CASE mean; CaseError where they mean nothing."""
    command_line, made = _command_line()
    made.clear()
    result = CliRunner().invoke(command_line, ["input.ir", *arguments(case)])
    if isinstance(result.exception, GlassError):
        raise result.exception
    if result.exit_code:
        raise case.error(f"{RUN} {case.options}: {result.output.strip().splitlines()[-1]}")
    return made[0]


def arguments(case: Case) -> tuple[str, ...]:
    """The options of CASE, word by word; files beside its own by their paths, and a target in any case."""
    words = shlex.split(case.options)
    beside = ((case.path.parent / word, word) for word in words)
    words = [str(path) if path.is_file() else word for path, word in beside]
    return (*words,) if {"-t", "--target"} & set(words) else (*words, "-t", TARGET)


def command(case: Case, folder: Path) -> str:
    """What to type to see what comes of CASE, whose input `run` has written to FOLDER."""
    return f"{RUN} {shlex.quote(str(input_file(case, folder)))} {shlex.join(arguments(case))}"


def input_file(case: Case, folder: Path) -> Path:
    """Where the input of CASE is written to."""
    home = folder / case.path.parent.name / case.path.stem / case.slug
    home.mkdir(parents=True, exist_ok=True)
    return home / "input.ir"


@cache
def _command_line() -> tuple[typer.Typer, list[Job]]:
    """The command line of `glassrt opt`, which only makes a job of its options, and where it puts that."""
    made: list[Job] = []

    @wraps(opt)
    def keep(**options: Any) -> None:
        asked = {name: options[name] for name in signature(BuildRequest.parse).parameters if name in options}
        own = {name: options[name] for name in signature(Job.parse).parameters if name in options}
        made.append(Job.parse(BuildRequest.parse(**asked), **own))

    command_line = typer.Typer(add_completion=False, rich_markup_mode=None)
    command_line.command()(keep)
    return command_line, made
