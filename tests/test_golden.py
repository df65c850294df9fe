"""The `golden` fixture itself."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_a_missing_file_is_explained(golden: str, tmp_path: Path) -> None:
    absent = type(golden)(tmp_path / "absent.txt", False)
    with pytest.raises(pytest.fail.Exception, match=r"no golden file absent\.txt.*--update-golden"):
        assert absent == "text"


def test_updating_writes_the_file_and_comparing_reads_it(golden: str, tmp_path: Path) -> None:
    kind, path = type(golden), tmp_path / "folder" / "kernel.cu"
    assert kind(path, True) == "text\n"
    assert path.read_text() == "text\n"
    assert "text\n" == kind(path, False)  # noqa: SIM300 - both sides must compare
    assert kind(path, False) != "other\n"
    assert kind(path.parent / "x", False).at("kernel.cu") == "text\n"


@pytest.mark.parametrize("case", ["a/b", "ir"])
def test_a_file_belongs_to_its_test(golden: str, case: str) -> None:
    where = Path(golden.path)  # type: ignore[attr-defined]
    assert where.parent == Path(__file__).parent / "golden" / "golden"
    assert where.name == f"test_a_file_belongs_to_its_test_{case.replace('/', '_')}.txt"
