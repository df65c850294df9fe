"""Weights are named by their content, and a damaged file of them is refused."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import IRError
from glassrt.dialects.core.resources import ResourceTable
from glassrt.runtime.whole_files import write_whole


def test_weights_are_named_by_content_and_survive_a_file(tmp_path):
    table = ResourceTable()
    first = table.add(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert table.add(np.arange(6, dtype=np.float32).reshape(2, 3)) == first
    assert table.add(np.arange(6, dtype=np.float32)) != first
    scalar = table.add(np.array(3, np.int64))
    write_whole(tmp_path / "net.weights", table.write)
    again = ResourceTable.load(tmp_path / "net.weights")
    assert sorted(again) == sorted(table) and again[scalar].shape == ()
    np.testing.assert_array_equal(again[first], table[first])


def test_a_damaged_sidecar_is_refused(tmp_path):
    path = tmp_path / "net.weights"
    table = ResourceTable()
    table.add(np.arange(64, dtype=np.float32))
    write_whole(path, table.write)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(IRError, match="does not fit its hash"):
        ResourceTable.load(path)
    path.write_bytes(bytes(data[:20]))
    with pytest.raises(IRError, match="not a readable weights file"):
        ResourceTable.load(path)
    with pytest.raises(IRError, match="not among the module's resources"):
        again = ResourceTable()
        again["missing"]
