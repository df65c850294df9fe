"""The distribution: complete, typed, and small enough."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from .places import ROOT

PARTS = ("errors", "dialects", "compiler", "codegen", "runtime", "templates", "testing")
DATA = {".lark", ".cuh", ".hpp", ".cpp", ".h", ".j2", ".html", ".css", ".js"}


def _package_files(root: Path) -> list[Path]:
    """Every file that an installed package needs."""
    files = [root / "__init__.py", root / "__main__.py", root / "py.typed"]
    for part in PARTS:
        files += [path for path in (root / part).rglob("*") if path.suffix in DATA | {".py"}]
    return files


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, so that building leaves nothing in the tree itself."""
    copy = tmp_path_factory.mktemp("source") / "clone"
    skipped = shutil.ignore_patterns(
        ".*", "tests", "benchmarks", "shared", "build", "dist", "*.egg-info", "__pycache__"
    )
    shutil.copytree(ROOT, copy, ignore=skipped)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w"]
    done = subprocess.run([*command, str(out), str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(out.glob("glassrt-*.whl"))


def test_every_package_is_listed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = [path.parent for part in PARTS for path in (ROOT / part).rglob("__init__.py")]
    expected = {"glassrt", *(f"glassrt.{'.'.join(folder.relative_to(ROOT).parts)}" for folder in folders)}
    assert set(settings["packages"]) == expected


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path, source: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    packaged = sorted(name for name in names if name.startswith("glassrt/"))
    expected = [f"glassrt/{path.relative_to(source).as_posix()}" for path in _package_files(source)]
    assert packaged == sorted(expected)
    assert all(name.startswith(("glassrt/", "glassrt-")) for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = {name.rpartition("/")[2]: archive.read(name).decode() for name in archive.namelist()[-8:]}
    assert "License-Expression: Apache-2.0" in texts["METADATA"]
    assert "Requires-Python: >=3.11" in texts["METADATA"]
    assert "glassrt = glassrt.compiler.cli:main" in texts["entry_points.txt"]


FROM_THE_WHEEL = """
import sys, numpy, glassrt
print(glassrt.__file__)
engine = glassrt.load(glassrt.compile(sys.argv[1], target="host"), device="host")
print(engine.run({"image": numpy.zeros((1, 1, 8, 8), numpy.float32)})["logits"].shape)
"""


def test_the_package_works_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """Unpacked and without the tree beside it, it compiles a model and runs it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    model = shutil.copy(ROOT / "examples" / "digits.onnx", tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", FROM_THE_WHEEL, str(model)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    place, shape = done.stdout.splitlines() or ["", done.stderr]
    assert Path(place).is_relative_to(tmp_path / "site")
    assert shape == "(1, 10)"


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _needed(extra: str | None) -> list[str]:
    """What the package needs by its own account, with EXTRA and what that takes from other extras."""
    project = _project()
    lines = list(project["dependencies"])
    waiting = [] if extra is None else [extra]
    while waiting:
        for line in project["optional-dependencies"][waiting.pop()]:
            own = Requirement(line)
            waiting += own.extras if own.name == "glassrt" else ()
            lines += [] if own.name == "glassrt" else [line]
    return lines


def _closure(lines: Iterable[str], seen: set[str]) -> set[str]:
    """The distributions that the requirements LINES bring, without extras."""
    for line in lines:
        requirement = Requirement(line)
        key = requirement.name.lower().replace("_", "-")
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and key not in seen:
            seen.add(key)
            _closure(metadata.distribution(key).requires or [], seen)
    return seen


def _bytes(name: str) -> int:
    files = metadata.distribution(name).files or []
    paths = {Path(str(file.locate())).resolve() for file in files}
    return sum(path.stat().st_size for path in paths if path.is_file() and path.suffix != ".pyc")


@pytest.mark.parametrize(("extra", "limit"), [(None, 130_000_000), ("compiler", 350_000_000)])
def test_the_installed_size_is_bounded(extra: str | None, limit: int) -> None:
    sizes = {name: _bytes(name) for name in _closure(_needed(extra), set())}
    sizes["glassrt"] = sum(path.stat().st_size for path in _package_files(ROOT))
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert sum(sizes.values()) <= limit, largest


def test_running_plans_needs_two_libraries() -> None:
    assert [Requirement(line).name for line in _needed(None)] == ["numpy", "cuda-bindings"]
    assert {"onnx", "typer", "jinja2"} <= {Requirement(line).name for line in _needed("compiler")}
    assert "onnxruntime" in {Requirement(line).name for line in _needed("check")}


def test_the_test_tools_are_no_dependency() -> None:
    heavy = {"onnxruntime", "scikit-learn", "scipy", "torch", "pytest", "hypothesis", "mypy", "ruff"}
    assert not _closure(_needed("compiler"), set()) & heavy
