"""Host memory: what is not there is a typed error."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.errors import OutOfMemoryError
from glassrt.runtime import host_memory, load

from .tiny_engines import batch
from .tiny_plans import affine_plan, real_headers


@pytest.mark.parametrize("size", [1 << 46, 1 << 62])
def test_an_arena_larger_than_memory_is_a_typed_error(size: int) -> None:
    def huge(manifest: dict[str, Any]) -> None:
        manifest["arena_bytes"] = size

    engine = load(affine_plan(huge, headers=real_headers()), "host")
    with pytest.raises(OutOfMemoryError, match=f"needs {size} bytes"):
        engine.run({"x": batch(1)})


def test_memory_that_is_promised_and_not_there_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "available_bytes", lambda: 1 << 20)
    assert host_memory.aligned_bytes(1 << 21).nbytes == 1 << 21
    with pytest.raises(OutOfMemoryError, match="1048576 are free"):
        host_memory.aligned_bytes(host_memory.ASKED_FROM)
