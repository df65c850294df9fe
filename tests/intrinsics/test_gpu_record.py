"""What a GPU ran agreed with numpy; what has changed since is said, and `make release-check` insists."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

from . import record as gpu_record
from .record import HOW, failures, hashes, read_record, unproven, used_by
from .suite import all_cases, read_headers


class UnprovenOnGpu(UserWarning):
    """Intrinsics have changed since a GPU ran them."""


def test_a_gpu_ran_every_case_as_it_is() -> None:
    """An edit of a header is no failure until a GPU is at hand: it is a warning, with what to run."""
    record = read_record()
    assert record["gpu"] and record["driver"] and record["nvrtc"] and record["date"]
    assert not failures(record)
    found = unproven(record)
    if found:
        listing = "; ".join(f"{name} ({reason})" for name, reason in found.items())
        warnings.warn(f"unproven on a GPU: {listing}: {HOW}", UnprovenOnGpu, stacklevel=1)


def proved() -> dict[str, Any]:
    """A record of all cases as they are."""
    return {"files": hashes(), "cases": {case.name: "passed" for case in all_cases()}}


def test_nothing_is_unproven_right_after_a_run() -> None:
    assert unproven(proved()) == {} == failures(proved())


def test_an_edited_header_leaves_its_users_unproven() -> None:
    """And no case that cannot reach it."""
    found = unproven(proved(), hashes() | {"tma.cuh": "another"})
    assert {"tma_load_3", "tma_store_2-none"} <= set(found) and "warp_exchange" not in found
    assert found["tma_load_3"] == "changed: tma.cuh"


def test_an_edited_kernel_leaves_its_cases_unproven() -> None:
    found = unproven(proved(), hashes() | {"warp_exchange.cu": "another"})
    assert found == {"warp_exchange": "changed: warp_exchange.cu"}


def test_what_all_headers_need_is_used_by_all() -> None:
    found = unproven(proved(), hashes() | {"types.cuh": "another"})
    assert set(found) == {case.name for case in all_cases()}


def test_a_name_that_a_macro_makes_may_be_anywhere() -> None:
    headers = read_headers()
    # Only who includes them sees these.
    apart = {name for name in headers if name.startswith(("wgmma", "multicast"))}
    assert used_by("y = m_unheard_of(x);", headers) == set(headers) - apart
    assert used_by('#include "wgmma.cuh"\ny = m_unheard_of(x);', headers) >= {"wgmma.cuh", "mma.cuh"}


def test_new_cases_and_failures_are_told() -> None:
    record = proved()
    first, second = list(record["cases"])[:2]
    del record["cases"][first]
    record["cases"][second] = "failed: 3 of 4 differ"
    assert unproven(record) == {first: "it is new"}
    assert failures(record) == {second: "failed: 3 of 4 differ"}


def test_the_release_check_ends_with_what_it_found() -> None:
    script = Path(gpu_record.__file__)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, script], cwd=script.parent, env=environment, capture_output=True, text=True
    )
    record = read_record()
    found = unproven(record) | failures(record)
    assert done.returncode == (1 if found else 0), done.stderr
    assert f"{len(found)} of {len(all_cases())} cases" in done.stdout
    assert all(f"{name}: {reason}" in done.stdout for name, reason in found.items())
