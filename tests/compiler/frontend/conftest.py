"""Fixtures of the importer's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from .external_models import WEIGHT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder with its weights, beside a file that is none of its business."""
    inner = tmp_path / "model"
    (inner / "parts").mkdir(parents=True)
    (inner / "w.bin").write_bytes(b"\0" * 8 + WEIGHT.tobytes())
    (inner / "parts" / "w.bin").write_bytes(WEIGHT.tobytes())
    (tmp_path / "secret.bin").write_bytes(WEIGHT.tobytes())
    return inner
