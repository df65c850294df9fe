"""Kernels that spilled are remembered under the names by which they were chosen."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes import spilled
from glassrt.compiler.passes.spilled import Spilled
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.ir import Block, Region
from glassrt.dialects.core.location import Location
from glassrt.dialects.launch import Kernel


def launch(kernel: str, family: str, *nodes: str) -> Kernel:
    block = Block()
    block.append(Yield())
    return Kernel(
        kernel=kernel,
        family=family,
        grid=[1, 1, 1],
        block=[32, 1, 1],
        regions=[Region(block)],
        types=[],
        loc=Location(nodes),
    )


def test_a_group_comes_apart_and_a_kernel_is_not_chosen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilled, "member_kernels", lambda op: [op] * (2 if op.family == "group" else 1))
    launches = [
        launch("k_group", "group", "a", "b"),
        launch("k_row", "row", "c"),
        launch("k_loop", "loop", "d"),
    ]
    first = Spilled({"k_old": "spills 4 bytes"}, {"z": "in a group spills"})
    found = first.and_those(
        launches, {"k_group": "spills 8 bytes", "k_row": "spills 16 bytes"}, {"k_row": "k_row_chosen"}
    )
    assert found.kernels == {
        "k_old": "spills 4 bytes",
        "k_group": "spills 8 bytes",
        "k_row_chosen": "spills 16 bytes",
    }
    assert found.apart == {
        "z": "in a group spills",
        "a": "in a group spills 8 bytes",
        "b": "in a group spills 8 bytes",
    }
    assert found.barred(["c", "b"]) == "in a group spills 8 bytes" and found.barred(["c"]) is None
