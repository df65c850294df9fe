"""Plans are written the same way every time, read back whole, and refused when anything is off."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import time
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt.errors import PlanError
from glassrt.runtime import Plan, plan_digest
from glassrt.runtime.plan_digest import tree_digest
from glassrt.runtime.plan_format import HEADER_BYTES, decode, encode
from hypothesis import given, settings
from hypothesis import strategies as st

from .tiny_plans import LEVELS, WEIGHTS, affine_plan


def sealed(payload: bytes) -> bytes:
    """A header that fits the payload."""
    length = len(payload).to_bytes(8, "little")
    return b"GLASSRT\0" + b"\2\0\0\0" + bytes(4) + length + tree_digest([payload]) + payload


def test_round_trip(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "net.plan"
    plan.save(path)
    again = Plan.load(path)
    assert again == plan
    assert again.to_bytes() == plan.to_bytes() == path.read_bytes()
    assert os.listdir(tmp_path) == ["net.plan"]


def test_equal_plans_have_equal_bytes(plan: Plan) -> None:
    backwards = dict(reversed(plan.manifest.items()))
    other = affine_plan(
        manifest=backwards,
        sources=dict(reversed(plan.sources.items())),
        levels=dict(reversed(LEVELS.items())),
    )
    assert other.to_bytes() == plan.to_bytes()


def test_levels(plan: Plan) -> None:
    assert plan.ir("fused") == LEVELS["fused"]
    with pytest.raises(PlanError, match="no level 'assembly'"):
        plan.ir("assembly")


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


def members_of(plan: Plan) -> dict[str, Any]:
    return dict(decode(memoryview(plan.to_bytes())))


def encoded(members: dict[str, Any]) -> bytes:
    return b"".join(encode(members))


def test_unexpected_missing_and_foreign_members(plan: Plan) -> None:
    members = members_of(plan)
    for name in members:
        if not name.startswith("include/"):
            with pytest.raises(PlanError, match="no member"):
                Plan.from_bytes(encoded({key: value for key, value in members.items() if key != name}))
    for name in ("extra", "../up", "/absolute", "cubins/sm_80/k0_double.cubin", "include/../x.cuh"):
        with pytest.raises(PlanError):
            Plan.from_bytes(encoded(members | {name: b""}))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"{",
        b'{"format": 3, "format": 3}',
        b'{"format": NaN}',
        b"[" * 100_000,
        b"9" * 100_000,
        b'{"format": 1}',
        b'{"format": true}',
    ],
    ids=lambda text: repr(text[:20]),
)
def test_manifests_that_are_no_manifest(plan: Plan, text: bytes) -> None:
    with pytest.raises(PlanError):
        Plan.from_bytes(encoded(members_of(plan) | {"manifest.json": text}))


@pytest.mark.parametrize(
    "parts",
    [
        {"levels": {}},
        {"levels": LEVELS | {"ptx": ""}},
        {"sources": {}},
        {"cubins": {}},
        {"cubins": {"sm_90a": {}}},
        {"cubins": {"sm_80": {"k0_double": b"", "k1_add": b""}}},
        {"weights": b""},
        {"headers": {"../glass.cuh": ""}},
        {"headers": {"glass.txt": ""}},
        {"ledger": ["text"]},
    ],
    ids=str,
)
def test_parts_must_fit_the_manifest(parts: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        affine_plan(**parts)


def test_what_cannot_be_written_is_a_plan_error(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be written"):
        affine_plan(ledger=[{"when": float("nan")}]).to_bytes()
    with pytest.raises(PlanError, match="cannot be written"):
        affine_plan(ledger=[{"what": object()}]).to_bytes()
    with pytest.raises(PlanError, match="cannot write"):
        plan.save(tmp_path / "missing" / "net.plan")


def test_a_failed_save_leaves_the_old_plan_and_no_litter(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.plan"
    plan.save(path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PlanError, match="No space left"):
        affine_plan(ledger=[]).save(path)
    assert os.listdir(tmp_path) == ["net.plan"]
    assert Plan.load(path) == plan


SAVE_FOREVER = """
import sys
from glassrt.runtime import Plan
path = sys.argv[1]
plans = [Plan.load(path), Plan.load(sys.argv[2])]
print("ready", flush=True)
while True:
    for plan in plans:
        plan.save(path)
"""


def test_killing_a_save_leaves_a_whole_plan(plan: Plan, tmp_path: Path) -> None:
    path, other = tmp_path / "net.plan", tmp_path / "other.plan"
    second = affine_plan(ledger=[])
    plan.save(path)
    second.save(other)
    for delay in np.random.default_rng(0).uniform(0, 0.05, 5):
        command = [sys.executable, "-c", SAVE_FOREVER, str(path), str(other)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            time.sleep(delay)
            process.kill()
        assert Plan.load(path) in (plan, second)


def test_what_cannot_be_read_is_a_plan_error(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for name in ("absent", "empty", "pipe", "."):
        with pytest.raises(PlanError):
            Plan.load(tmp_path / name)
    with pytest.raises(PlanError, match="not a regular file"):
        Plan.load("/dev/zero")


def test_weights_are_aligned_as_in_the_file(tmp_path: Path) -> None:
    weights = np.arange(100_000, dtype=np.int64).tobytes()

    def bigger(manifest: dict[str, Any]) -> None:
        manifest["weights_bytes"] = len(weights)

    path = tmp_path / "net.plan"
    affine_plan(bigger, weights=weights).save(path)
    loaded = Plan.load(path)
    assert isinstance(loaded.weights, memoryview) and loaded.weights.readonly
    assert np.frombuffer(loaded.weights, np.uint8).ctypes.data % 256 == 0
    assert loaded.weights == weights


def test_a_plan_stays_what_it_was_when_its_file_changes(plan: Plan, tmp_path: Path) -> None:
    """A mapped file that is cut would end the process with SIGBUS."""
    path = tmp_path / "net.plan"
    plan.save(path)
    loaded = Plan.load(path)
    os.truncate(path, 0)
    assert loaded == plan and loaded.to_bytes() == plan.to_bytes()
    path.write_bytes(bytes(100_000))
    assert loaded.to_bytes() == plan.to_bytes()


def test_a_plan_file_that_is_cut_while_it_is_read_is_a_plan_error(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.plan"
    plan.save(path)
    real = os.preadv

    def cut(file: int, buffers: Any, offset: int) -> int:
        os.truncate(path, 100)
        return real(file, buffers, offset)

    monkeypatch.setattr(os, "preadv", cut)
    with pytest.raises(PlanError, match="cut short while it was read"):
        Plan.load(path)


def test_bytes_that_others_may_change_are_copied(plan: Plan) -> None:
    data = bytearray(plan.to_bytes())
    read = Plan.from_bytes(data)
    data[:] = bytes(len(data))
    assert read == plan


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
def test_the_checksum_does_not_depend_on_how_the_bytes_come(pieces: list[bytes], leaf: int) -> None:
    whole = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_digest, "LEAF_BYTES", leaf)
        leaves = [whole[start : start + leaf] for start in range(0, len(whole), leaf)]
        wanted = sha256(b"".join(sha256(part).digest() for part in leaves)).digest()
        assert tree_digest(pieces) == tree_digest([whole]) == wanted
