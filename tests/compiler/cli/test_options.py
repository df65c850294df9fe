"""The texts that options take, and numbers with units."""

from __future__ import annotations

from inspect import signature, unwrap

import pytest
from glassrt.compiler.cli.app import app
from glassrt.compiler.cli.request import EVERY_OPTION


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
