"""Files of custom ops: what loading one registers, and what is said of one that fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from glassrt import custom
from glassrt.dialects.custom.registry import find
from glassrt.errors import InputError

from ...places import ROOT

GOOD = """
from glassrt import custom

@custom.op("glass.files::Same")
class Same(custom.ElementwiseOp):
    x = custom.operand()
    y = custom.result()
    def compute(self, x):
        return x
    def formula(self, x):
        return x
"""


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    with custom.registered():
        yield


def test_loading_gives_the_ops_that_the_file_registers(tmp_path: Path) -> None:
    path = tmp_path / "good.py"
    path.write_text(GOOD)
    (first,) = custom.load_file(path)
    assert find("glass.files::Same") is first
    assert first.file == str(path)
    (again,) = custom.load_file(path)
    assert find("glass.files::Same") is again is not first


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples" / "custom_ops").glob("*.py")), ids=lambda p: p.stem
)
def test_the_examples_load(path: Path) -> None:
    (found,) = custom.load_file(path)
    assert found.onnx.startswith("example.ops::")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = (", r"bad\.py:1: "),
        ("\nraise ValueError('no')", r"bad\.py:2: ValueError: no"),
        ("\n\nimport nothing_of_that_name", r"bad\.py:3: ModuleNotFoundError"),
        ("\nimport sys\nsys.exit(0)", r"bad\.py:3: SystemExit: 0"),
        ("x = '\0'", r"bad\.py: source code string cannot contain null bytes"),
        ("x = 1", r"bad\.py registers no op"),
        (GOOD + "    cost = 'much'\n", "its cost is 'much'"),
        (GOOD + "    kinds = 'float'\n", "its kinds are 'float'"),
        (GOOD + "    size = custom.integer(0.5)\n", r"bad\.py:\d+: .*an integer is expected, not 0.5"),
        (GOOD.split("class")[0] + "def same(x):\n    return x\n", "is no class of a custom op"),
        (GOOD + GOOD.replace("class Same", "class Other"), "twice"),
        (GOOD.replace("glass.files::Same", "Same"), "no name of a custom op"),
    ],
)
def test_a_file_that_fails_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text)
    with pytest.raises(InputError, match=reason):
        custom.load_file(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in ("none.py", "."):
        with pytest.raises(InputError, match="there is no file of custom ops"):
            custom.load_file(tmp_path / name)
    (tmp_path / "ops.txt").write_text(GOOD)
    with pytest.raises(InputError, match=r"ends in \.py"):
        custom.load_file(tmp_path / "ops.txt")
