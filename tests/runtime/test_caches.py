"""What the caches of compiled kernels share: their keys and their folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt.runtime.caches import cache_root, content_key
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_keys_are_equal_only_for_equal_parts(left: list[str], right: list[str]) -> None:
    assert (content_key(left) == content_key(right)) == (left == right)


@pytest.mark.parametrize(
    ("own", "xdg", "root"),
    [
        ("/own", "/xdg", "/own"),
        ("", "/xdg", "/xdg/glassrt"),
        (None, "", "/me/.cache/glassrt"),
        (None, None, "/me/.cache/glassrt"),
    ],
)
def test_the_folder_follows_the_environment(
    own: str | None, xdg: str | None, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("GLASSRT_CACHE_DIR", own), ("XDG_CACHE_HOME", xdg), ("HOME", "/me")):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert cache_root() == Path(root)
