"""What was measured of kernels, as it is shown."""

from __future__ import annotations

from glassrt.compiler.search.tuning.tables import by_origin, described_tactics, table_of_tactics

from ....runtime.tiny_plans import affine_plan


def test_nothing_measured_is_nothing_shown() -> None:
    assert by_origin(affine_plan()) == {} and list(table_of_tactics([]).rows) == []
    assert described_tactics([], iter(["a note"])) == {"kernels": [], "notes": ["a note"]}
