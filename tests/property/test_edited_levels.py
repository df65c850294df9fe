"""Whatever a hand does to the text of a level, it builds to something sound or is a typed error."""

from __future__ import annotations

import random
import re
from pathlib import Path

import glassrt
import numpy as np
import pytest
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend.source import read_ir
from glassrt.compiler.settings.policy import as_policy
from glassrt.errors import GlassError, IRError
from glassrt.runtime.plan import LEVELS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ..e2e.networks import NETWORKS, feeds

PRECISION = "fp16"
NUMBERS = ["0", "1", "-1", "2", "3", "7", "64", "1000000", "4294967296", "9223372036854775807"]
NUMBERS += ["-9223372036854775808", "99999999999999999999", "1.5", "inf", "(N+1)", "M"]
_TOKEN = re.compile(r"-?\d+|[A-Za-z_]+")


class Levels:
    """The text of every level of one network, beside the weights they share."""

    def __init__(self, name: str, folder: Path) -> None:
        self.model = NETWORKS[name]("N")
        self.folder = folder
        plan = build(self.model, Settings(precision=as_policy(PRECISION), dump_dir=folder)).plan
        self.texts = {level: plan.ir(level) for level in LEVELS}

    def build(self, text: str) -> glassrt.Plan:
        path = self.folder / "edited.ir"
        path.write_text(text)
        return glassrt.compile(path, target="host", precision=PRECISION)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Levels]:
    return {name: Levels(name, tmp_path_factory.mktemp(name)) for name in ("resnet", "transformer")}


@settings(max_examples=60)
@given(
    name=st.sampled_from(["resnet", "transformer"]), level=st.sampled_from(LEVELS), seed=st.integers(0, 2**32)
)
@example(name="resnet", level="launch", seed=0)
def test_an_edit_builds_or_is_a_typed_error(
    networks: dict[str, Levels], name: str, level: str, seed: int
) -> None:
    levels, chance = networks[name], random.Random(seed)
    text = levels.texts[level]
    tokens = list(_TOKEN.finditer(text))
    token = chance.choice(tokens)
    if token[0].lstrip("-").isdigit():
        fresh = chance.choice(NUMBERS)
    else:
        fresh = chance.choice([other[0] for other in tokens])
    try:
        plan = levels.build(text[: token.start()] + fresh + text[token.end() :])
    except GlassError:
        return
    # It may compute something else, or ask for other inputs, but never outside of its buffers.
    assert plan.to_bytes()


EDITS = {
    "offset": (r"offset = \d+", "offset = 1"),
    "grid": (r"grid = \[[^\]]*\]", "grid = [1, 1, 1]"),
    "larger grid": (r"grid = \[[^\]]*\]", "grid = [(100*N), 1, 1]"),
    "block": (r"block = \[\d+", "block = [32"),
    "family": (r'family = "\w+"', 'family = "unknown"'),
    "config": (r"config = \{[^}]*\}", "config = {lanes = 0}"),
    "bytes": (r"bytes = \(\d+\*N\)", "bytes = (2*N)"),
    "symbol": (r"bytes = \(\d+\*N\)", "bytes = (2*M)"),
    "shared": (r"shared = \d+", "shared = 1"),
    "kernel": (r"@k_\w+", "@k_conv"),
    "outputs": (r"\{family", "{outputs = 2, family"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_unsound_launch_is_refused(networks: dict[str, Levels], name: str) -> None:
    """A launch whose geometry or memory is not what its kernel needs would be undefined on a GPU."""
    pattern, fresh = EDITS[name]
    text = networks["resnet"].texts["launch"]
    edited = re.sub(pattern, fresh, text)
    assert edited != text
    with pytest.raises(GlassError):
        networks["resnet"].build(edited)


def test_kernels_may_be_renamed_together(networks: dict[str, Levels]) -> None:
    levels = networks["resnet"]
    names = list(dict.fromkeys(re.findall(r"@(k_\w+)", levels.texts["launch"])))
    text = levels.texts["launch"]
    for number, name in enumerate(names):
        text = text.replace(f"@{name} ", f"@k_{number} ")
    plan = levels.build(text)
    assert list(plan.sources) == [f"k_{number}" for number in range(len(names))]
    inputs = feeds(levels.model, 2)
    (renamed,) = glassrt.load(plan, device="host").run(inputs).values()
    (given_,) = glassrt.load(levels.build(levels.texts["launch"]), device="host").run(inputs).values()
    np.testing.assert_array_equal(renamed, given_)


def test_two_kernels_of_one_name_are_refused(networks: dict[str, Levels]) -> None:
    levels = networks["resnet"]
    module = read_ir(
        next(path for path in levels.folder.glob("*.ir") if path.read_text() == levels.texts["launch"])
    )
    kernels = [op for op in module.main.block if op.name == "launch.kernel"]
    kernels[1].attributes["kernel"] = kernels[0].attributes["kernel"]
    with pytest.raises(IRError, match="another kernel called"):
        assemble(module, dict(levels.texts), [], BuildOptions())
