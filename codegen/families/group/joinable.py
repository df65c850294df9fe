"""Whether a launch can be a member of a group: what a launch may need that the launch of a group has not."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from ....dialects.core.tensor_map import TensorMap
from ...request.request import Geometry


class Unjoinable(Enum):
    """Why a launch can be a member of no group; the value is the reason as records of decisions give it."""

    SHAPE = "its grid or its blocks have more dimensions than those of a group"
    CLUSTERS = "it needs thread block clusters, which a group does not have"
    COOPERATIVE = "it needs a cooperative launch, which a group does not use"
    TENSOR_MAPS = "its kernel takes tensor maps, which a group does not pass to its members"


def unjoinable(geometry: Geometry, maps: Sequence[TensorMap]) -> Unjoinable | None:
    """Why a launch of GEOMETRY whose kernel takes the tensor maps MAPS can be in no group; None if it can.

    A kernel takes a tensor map by value, as a constant of its grid; a member is a function that would copy it
    into local memory, where bulk copies cannot read it.
    """
    if geometry.grid[2] != 1 or geometry.block[1:] != (1, 1):
        return Unjoinable.SHAPE
    if geometry.cluster != (1, 1, 1):
        return Unjoinable.CLUSTERS
    if geometry.cooperative:
        return Unjoinable.COOPERATIVE
    return Unjoinable.TENSOR_MAPS if maps else None
