"""Members of a plan: each is wanted, and of its form."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.errors import PlanError
from glassrt.runtime import Plan
from glassrt.runtime.plan_format import decode, encode


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
