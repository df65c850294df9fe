"""The options of a build from Python: what they become, and what is refused before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from glassrt.compiler.order import BuildArguments, order_of
from glassrt.errors import InputError

HOST: BuildArguments = {"target": "host"}


def test_options_become_settings(tmp_path: Path) -> None:
    settings = order_of(
        "m.onnx",
        {
            **HOST, "nofuse": [("a", "b")], "keep": ["c"], "disable": ["contraction-epilogue"], "streams": 2,
            "unpadded": "mask",
            "dump_dir": tmp_path / "dump", "verify": "semantics", "cache": False,
        },
    ).settings  # fmt: skip
    assert settings.barriers == {("a", "b")} and settings.keep == {"c"} and settings.options.streams == 2
    assert settings.unpadded == "mask"
    assert settings.disabled == {"contraction-epilogue"} and settings.verify_each == "semantics"
    assert settings.dump_dir is not None and settings.cache is None and settings.targets == ()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"nofuse": [("a", "b", "c")]}, "pairs of names"),
        ({"nofuse": "a:b"}, "pairs of names"),
        ({"nofuse": ["ab"]}, "pairs of names"),
        ({"nofuse": 5}, "pairs of names"),
        ({"keep": "relu"}, "keep is a list of names"),
        ({"keep": [5]}, "keep is a list of names"),
        ({"disable": 5}, "disable is a list of names"),
        ({"disable": ["no-such-rule"]}, "no rule 'no-such-rule'"),
        ({"streams": -1}, "streams is a number"),
        ({"streams": True}, "streams is a number"),
        ({"verify": "much"}, "verify is 'ir' or 'semantics'"),
        ({"dump_dir": 5}, "path"),
        ({"unpadded": ["mask"]}, "unpadded is the name of an input"),
        ({"calibration": "t", "precision": "fp16"}, "calibration is for int8 and fp8"),
    ],
)
def test_what_cannot_be_is_refused(options: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        order_of("m.onnx", {**HOST, **options})
