"""The texts that options take, and numbers with units."""

from __future__ import annotations

from inspect import signature, unwrap
from pathlib import Path

import pytest
from glassrt.compiler.cli.app import app
from glassrt.compiler.cli.options import EVERY_OPTION, BuildRequest, Model, Seed, with_request


def test_a_request_knows_whether_it_asks_for_anything() -> None:
    assert not BuildRequest.parse().given
    assert BuildRequest.parse(precision="fp16").given
    assert BuildRequest.parse(no_cache=True).given


def test_options_stand_in_the_place_of_the_request() -> None:
    seen: list[BuildRequest] = []

    @with_request({"precision", "no_cache"})
    def command(model: Model, *, request: BuildRequest, seed: Seed = 0) -> None:
        seen.append(request)

    assert list(signature(command).parameters) == ["model", "precision", "no_cache", "seed"]
    command(model=Path("m.onnx"), precision="fp16", no_cache=True, seed=1)
    assert seen == [BuildRequest(precision="fp16", cache=False)]


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
