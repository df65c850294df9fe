"""`glassrt build --tune --lock`: measured on the host, where times mean nothing but everything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from glassrt import Plan
from glassrt.compiler.search.tuning.tables import by_origin
from glassrt.compiler.settings.lock import HEADER

from ..search.networks import chain
from ..search.tuning.small_launches import PLAIN
from .support import Glassrt

HOST = ("-t", "host", "--shape", "N=1,4,8")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A product of 32 rows."""
    path = tmp_path / "one.onnx"
    path.write_bytes(chain(1, width=32).SerializeToString())
    return path


@pytest.fixture
def lock(glassrt: Glassrt, model: Path, tmp_path: Path) -> Path:
    """The lock file that a build with --tune has written."""
    path = tmp_path / "net.lock"
    glassrt("build", model, "-o", tmp_path / "tuned.plan", *HOST, "--tune", "2", "--lock", path)
    return path


def test_it_measures_shows_and_writes(glassrt: Glassrt, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.lock"
    shown = glassrt("build", model, "-o", tmp_path / "net.plan", *HOST, "--tune", "2", "--lock", path)
    assert "tuned kernels" in shown.stdout and "of 2" in shown.stdout
    assert "launches by tactics: 1 tuned" in shown.stderr
    head, section, line = path.read_text(encoding="utf-8").splitlines()
    assert head == HEADER and section.startswith('[gpu="host" ') and line.startswith("matmul_")
    assert by_origin(Plan.load(tmp_path / "net.plan")) == {"tuned": 1}


def test_a_build_with_a_lock_is_the_same_byte_for_byte(
    glassrt: Glassrt, model: Path, lock: Path, tmp_path: Path
) -> None:
    text = lock.read_bytes()
    plans = [tmp_path / "a.plan", tmp_path / "b.plan"]
    for plan in plans:
        glassrt("build", model, "-o", plan, *HOST, "--lock", lock)
    assert plans[0].read_bytes() == plans[1].read_bytes() and lock.read_bytes() == text
    assert by_origin(Plan.load(plans[0])) == {"locked": 1}


def test_with_json_it_says_what_was_measured(glassrt: Glassrt, model: Path, tmp_path: Path) -> None:
    shown = glassrt("build", model, "-o", tmp_path / "net.plan", *HOST, "--tune", "2", "--json")
    assert json.loads(shown.stdout)["seconds"]["tuning"] > 0
    found = json.loads(shown.stdout)["tactics"]
    (kernel,) = found["kernels"]
    assert found["tuned"] == 1 and found["notes"] == []
    assert kernel["launches"] == 1 and len(kernel["times_us"]) == 2 and kernel["rank"] in (1, 2)


def test_what_was_chosen_how_is_shown(glassrt: Glassrt, model: Path, lock: Path, tmp_path: Path) -> None:
    plain, locked = tmp_path / "plain.plan", tmp_path / "locked.plan"
    glassrt("build", model, "-o", plain, *HOST)
    glassrt("build", model, "-o", locked, *HOST, "--lock", lock)
    assert "chosen by the cost model" in glassrt("explain", plain, "p0").stdout
    assert "chosen by measurement, locked:" in glassrt("explain", locked, "p0").stdout
    launches = [json.loads(glassrt("inspect", each, "--json").stdout)["launches"] for each in (plain, locked)]
    assert [[launch["chosen"] for launch in each] for each in launches] == [["model"], ["locked"]]
    assert "locked" in glassrt("inspect", locked).stdout


def test_a_stale_or_damaged_lock_is_an_error(
    glassrt: Glassrt, model: Path, lock: Path, tmp_path: Path
) -> None:
    build = ("build", model, "-o", tmp_path / "net.plan", *HOST, "--lock", lock)
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text.replace("glassrt 0", "glassrt 9"), encoding="utf-8")
    shown = glassrt(*build, code=1).stderr
    assert "the closest has generator glassrt 9" in shown and "--tune" in shown
    lock.write_text(text.replace(PLAIN, "contraction_gone"), encoding="utf-8")
    assert "is no candidate for this kernel: contraction_gone" in glassrt(*build, code=1).stderr
    lock.write_text("something else", encoding="utf-8")
    assert "the first line of a lock is" in glassrt(*build, code=1).stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tune-seconds", "5"), "only --tune uses this option"),
        (("--tune", "1"), "at least 2 candidates"),
        (("--tune", "4", "--tune-seconds", "0"), "is no time"),
        (("--tune", "4", "--lock", "nowhere/net.lock"), "there is no folder"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    glassrt: Glassrt, model: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    assert words in glassrt("build", model, "-o", tmp_path / "net.plan", *HOST, *options, code=2).stderr
