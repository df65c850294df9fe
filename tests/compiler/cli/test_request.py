"""The request for a build, and the options of a command that it is parsed from."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

from glassrt.compiler.cli.options import Model, Seed
from glassrt.compiler.cli.request import BuildRequest, with_request


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
