"""The texts that options take, and numbers with units."""

from __future__ import annotations

from inspect import signature, unwrap

import pytest
import typer
from glassrt.compiler.cli.app import app
from glassrt.compiler.cli.request import EVERY_OPTION, ON_THE_SPOT


@pytest.mark.parametrize(
    "name", [each.callback.__name__ for each in app.registered_commands if each.callback]
)
def test_no_command_declares_what_commands_share(name: str) -> None:
    (command,) = [
        each.callback for each in app.registered_commands if getattr(each.callback, "__name__", "") == name
    ]
    shown = set(signature(command).parameters) & EVERY_OPTION
    own = set(signature(unwrap(command)).parameters)
    assert not own & EVERY_OPTION and ("request" in own) == bool(shown)


def test_options_that_commands_share_mean_the_same_in_all() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    options = {name: {each.opts[0]: each for each in command.params} for name, command in commands.items()}
    building = {name for name, own in options.items() if "--precision" in own} - {"opt"}
    assert building >= {"build", "run", "bench", "inspect", "explain", "check"}
    for name in building:
        assert {f"--{each.replace('_', '-')}" for each in ON_THE_SPOT} <= options[name].keys(), name
    for shared in ("--calibration", "--nofuse", "--keep", "--json", "--quiet", "--top", "--shape", "--size"):
        said = {own[shared].help for own in options.values() if shared in own}
        assert len(said) == 1, shared
    tables = {"build", "run", "bench", "inspect", "explain", "check", "calibrate", "tune"}
    assert all({"--top", "--json"} <= options[name].keys() for name in tables)
