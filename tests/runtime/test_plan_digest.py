"""The checksum of a plan."""

from __future__ import annotations

from hashlib import sha256

import pytest
from glassrt.runtime import plan_digest
from glassrt.runtime.plan_digest import tree_digest
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
def test_the_checksum_does_not_depend_on_how_the_bytes_come(pieces: list[bytes], leaf: int) -> None:
    whole = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_digest, "LEAF_BYTES", leaf)
        leaves = [whole[start : start + leaf] for start in range(0, len(whole), leaf)]
        wanted = sha256(b"".join(sha256(part).digest() for part in leaves)).digest()
        assert tree_digest(pieces) == tree_digest([whole]) == wanted
