"""The same input gives the same bytes: again, in other processes, and from the text of any level."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import glassrt
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.settings.policy import as_policy
from glassrt.runtime.plan import LEVELS, Plan

from ..places import DIGITS
from .dumps import body_of
from .networks import NETWORKS

BUILD = """
import hashlib, sys, glassrt
for path in sys.argv[2:]:
    for precision in ("fp32", "fp16"):
        plan = glassrt.compile(path, target=sys.argv[1], precision=precision, cache=False)
        print(hashlib.sha256(plan.to_bytes()).hexdigest())
"""


def dumped(source: object, precision: str, folder: Path) -> Plan:
    """The plan of SOURCE; the IR after every pass, and the weights, are in FOLDER."""
    return build(source, Settings(precision=as_policy(precision), dump_dir=folder)).plan  # type: ignore[arg-type]


def entered(path: Path, precision: str) -> Plan:
    return glassrt.compile(path, target="host", precision=precision)


def digests(seed: str, target: str, paths: list[Path]) -> list[str]:
    """Hashes of the plans of PATHS, built in a process whose sets and dicts of text have another order."""
    command = [sys.executable, "-c", BUILD, target, *map(str, paths)]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_every_process_builds_the_same_plans(tmp_path: Path) -> None:
    paths = [DIGITS]
    for name, make in NETWORKS.items():
        paths.append(tmp_path / f"{name}.onnx")
        paths[-1].write_bytes(make("N").SerializeToString())
    first = digests("0", "host", paths)
    assert len(set(first)) == 2 * len(paths)
    assert digests("4242", "host", paths) == first


@pytest.mark.slow
def test_every_process_builds_the_same_machine_code() -> None:
    assert digests("1", "sm_90a", [DIGITS]) == digests("2", "sm_90a", [DIGITS])


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", [*NETWORKS, "digits"])
def test_a_module_read_back_from_its_text_builds_the_same_plan(
    name: str, precision: str, tmp_path: Path
) -> None:
    plan = dumped(DIGITS if name == "digits" else NETWORKS[name]("N"), precision, tmp_path)
    again = entered(tmp_path / "00-input.ir", precision)
    # All but the ledger: the text does not say which nodes were computed at import.
    assert (again.manifest, again.sources) == (plan.manifest, plan.sources)
    assert bytes(again.weights) == bytes(plan.weights)
    assert [again.ir(level) for level in LEVELS] == [plan.ir(level) for level in LEVELS]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", [*NETWORKS, "digits"])
def test_every_level_leads_to_the_same_kernels(name: str, precision: str, tmp_path: Path) -> None:
    """Only the levels above, and what the ledger says about getting there, are missing."""
    plan = dumped(DIGITS if name == "digits" else NETWORKS[name]("N"), precision, tmp_path)
    files = {path: body_of(path) for path in sorted(tmp_path.glob("*.ir"))}
    for position, level in enumerate(LEVELS):
        path = next(p for p in reversed(files) if files[p] == plan.ir(level))
        again = entered(path, precision)
        assert again.manifest == plan.manifest
        assert again.sources == plan.sources
        assert bytes(again.weights) == bytes(plan.weights)
        assert [again.ir(below) for below in LEVELS[position:]] == [plan.ir(b) for b in LEVELS[position:]]
        assert not any(again.ir(above) for above in LEVELS[:position])


def test_dumps_are_numbered_without_gaps(tmp_path: Path) -> None:
    dumped(DIGITS, "fp16", tmp_path)
    numbers = [int(path.name.split("-")[0]) for path in sorted(tmp_path.glob("*.ir"))]
    assert numbers == list(range(len(numbers)))


def test_a_plan_that_was_read_writes_the_same_bytes(tmp_path: Path) -> None:
    plan = entered(DIGITS, "fp16")
    plan.save(tmp_path / "a.plan")
    Plan.load(tmp_path / "a.plan").save(tmp_path / "b.plan")
    assert (tmp_path / "a.plan").read_bytes() == (tmp_path / "b.plan").read_bytes() == plan.to_bytes()
