"""Whether a launch can be a member of a group: properties of launches that groups do not support."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from ....dialects.core.tensor_map import TensorMap
from ...request.request import Geometry


class Unjoinable(Enum):
    """Why a launch cannot be a member of any group; the value is the reason in records of decisions."""

    SHAPE = "its grid or its blocks have more dimensions than those of a group"
    CLUSTERS = "it needs thread block clusters, which a group does not have"
    COOPERATIVE = "it needs a cooperative launch, which a group does not use"
    TENSOR_MAPS = "its kernel takes tensor maps, which a group does not pass to its members"


def unjoinable(geometry: Geometry, maps: Sequence[TensorMap]) -> Unjoinable | None:
    """Why a launch of GEOMETRY whose kernel takes the tensor maps MAPS cannot be in a group; None if it can.

    A kernel takes a tensor map by value, as a constant of its grid. A member is a function, which would copy
    it into local memory, where bulk copies cannot read it.
    """
    if geometry.grid[2] != 1 or geometry.block[1:] != (1, 1):
        return Unjoinable.SHAPE
    if geometry.cluster != (1, 1, 1):
        return Unjoinable.CLUSTERS
    if geometry.cooperative:
        return Unjoinable.COOPERATIVE
    return Unjoinable.TENSOR_MAPS if maps else None
