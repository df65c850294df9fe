"""Outcomes of a constraint on sizes that does not simply hold: errors, and the replacement of symbols."""

from __future__ import annotations

from collections.abc import Mapping

from ..affine import Dim


class Conflict(Exception):
    """A constraint holds for no values of the symbols. `ranges`: other ranges might allow it."""

    def __init__(self, message: str, ranges: bool = False) -> None:
        super().__init__(message)
        self.ranges = ranges


class GivesWay(Exception):
    """The default range of the symbol NAME excludes a required value: it must be extended to LEAST.

    Everything that was decided with the old range is void.
    """

    def __init__(self, name: str, least: int) -> None:
        super().__init__(f"{name} reaches {least}")
        self.name = name
        self.least = least


class Resized(Exception):
    """Symbols were replaced in the module: everything computed from sizes before is out of date."""

    def __init__(self, values: Mapping[str, Dim]) -> None:
        super().__init__(", ".join(f"{name} = {dim}" for name, dim in values.items()))
        self.values = values
