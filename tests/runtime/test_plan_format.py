"""The bytes of a plan file: a ZIP under a checksum, refused when anything is off."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from glassrt.errors import PlanError
from glassrt.runtime import Plan
from glassrt.runtime.plan_digest import tree_digest
from glassrt.runtime.plan_format import FORMAT_VERSION, HEADER_BYTES
from hypothesis import given, settings
from hypothesis import strategies as st

from .tiny_plans import WEIGHTS


def sealed(payload: bytes) -> bytes:
    """A header that fits the payload."""
    length = len(payload).to_bytes(8, "little")
    return (
        b"GLASSRT\0"
        + FORMAT_VERSION.to_bytes(4, "little")
        + bytes(4)
        + length
        + tree_digest([payload])
        + payload
    )


def test_is_a_zip_file(plan: Plan, tmp_path: Path) -> None:
    data = plan.to_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "manifest.json"
        assert archive.read("kernels/k0_double.cu").decode() == plan.sources["k0_double"]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
    assert data.index(WEIGHTS.tobytes()) % 256 == 0


def test_archive_tools_accept_it(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "net.plan"
    plan.save(path)
    tools = [[sys.executable, "-m", "zipfile", "-t"]] + [["unzip", "-t"]] * bool(shutil.which("unzip"))
    for tool in tools:
        result = subprocess.run([*tool, str(path)], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "warning" not in result.stdout + result.stderr


def test_every_truncation_is_refused(plan: Plan) -> None:
    data = plan.to_bytes()
    for length in range(len(data)):
        with pytest.raises(PlanError):
            Plan.from_bytes(data[:length])


def test_every_flipped_byte_is_refused(plan: Plan) -> None:
    data = bytearray(plan.to_bytes())
    for index in range(len(data)):
        data[index] ^= 1 + index % 255
        with pytest.raises(PlanError):
            Plan.from_bytes(data)
        data[index] ^= 1 + index % 255
    assert Plan.from_bytes(data) == plan


def test_appended_bytes_are_refused(plan: Plan) -> None:
    with pytest.raises(PlanError, match="appended"):
        Plan.from_bytes(plan.to_bytes() + b"\0")


def test_every_truncation_and_flip_of_a_sealed_payload_is_refused_or_harmless(plan: Plan) -> None:
    """With the checksum recomputed the ZIP and the manifest have to hold by themselves."""
    payload = plan.to_bytes()[HEADER_BYTES:]
    for index in range(0, len(payload), 3):
        for mutated in (
            payload[:index],
            payload[:index] + bytes([payload[index] ^ 0xFF]) + payload[index + 1 :],
        ):
            read_or_refuse(sealed(mutated))


def read_or_refuse(data: bytes) -> None:
    """A plan or a PlanError; anything else is a failure."""
    with contextlib.suppress(PlanError):
        Plan.from_bytes(data)


@settings(max_examples=300)
@given(st.data())
def test_spliced_payloads_are_refused_or_harmless(plan: Plan, data: st.DataObject) -> None:
    payload = plan.to_bytes()[HEADER_BYTES:]
    start = data.draw(st.integers(0, len(payload)))
    stop = data.draw(st.integers(start, min(len(payload), start + 64)))
    read_or_refuse(sealed(payload[:start] + data.draw(st.binary(max_size=16)) + payload[stop:]))
