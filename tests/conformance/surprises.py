"""Outcomes that are not those expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .cases import Outcome


def surprises(found: Mapping[str, Outcome], expected: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each case that is right and listed, or is not right and not listed."""
    for name, outcome in found.items():
        if outcome.status == "right":
            if name in expected:
                yield f"{name} is right: take it from the list ({expected[name]})"
        elif outcome.status == "crashed" or name not in expected:
            yield f"{name} is {outcome.status}: {outcome.reason[:400]}"
