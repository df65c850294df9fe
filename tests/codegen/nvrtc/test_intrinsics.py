"""Texts of the headers, and their hash."""

from __future__ import annotations

from glassrt.codegen.nvrtc.intrinsics import content_hash, device_headers, headers


def test_all_headers_are_read_and_the_hosts_are_kept_from_nvrtc() -> None:
    every, device = headers(), device_headers()
    assert "glass.cuh" in device and set(device) == {name for name in every if name.endswith(".cuh")}
    assert any(name.endswith(".hpp") for name in every) and list(every) == sorted(every)
    assert all(every[name] == text and text for name, text in device.items())


def test_names_and_texts_are_framed_in_the_hash() -> None:
    tables = [{"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": "b"}, {}]
    assert len({content_hash(table) for table in tables}) == len(tables)
    assert content_hash({"a": "1", "b": "2"}) == content_hash({"b": "2", "a": "1"})
