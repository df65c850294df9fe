"""Formats of a group's members, as an attribute and back."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.group.formats import format_key, formats_by_member
from glassrt.dialects.core.dtypes import F16, F32, TF32


def test_the_table_is_read_by_member() -> None:
    table = {format_key(0, "executed"): "f16", format_key(2, "compute"): "tf32", "m2_requested": "f32"}
    assert formats_by_member(table, 3) == [{"executed": F16}, {}, {"compute": TF32, "requested": F32}]
    assert formats_by_member({}, 2) == [{}, {}]


@pytest.mark.parametrize("name", ["m3_compute", "m0_format", "compute", "mx_compute", "m00_compute"])
def test_what_no_member_has_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"no member has formats called {name}"):
        formats_by_member({name: "f16"}, 3)
    with pytest.raises(KeyError):
        formats_by_member({"m0_compute": "f17"}, 3)
