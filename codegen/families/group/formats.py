"""The number formats that a launch states: its own, or those of its members if it is a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....dialects.core.dtypes import FORMATS, DType
from ....dialects.launch import Kernel

FORMAT_KEYS = ("requested", "compute", "executed")  # attributes of a launch, each a format of its arithmetic


def formats_of(op: Kernel) -> dict[str, DType]:
    """The formats that OP, which is no group, states of itself."""
    return {key: op.attributes[key] for key in FORMAT_KEYS if op.attributes[key] is not None}


def member_formats(ops: Sequence[Kernel]) -> dict[str, str]:
    """The formats of all OPS, as the attribute `member_formats` of the group that they become."""
    return {
        format_key(index, key): format.name
        for index, op in enumerate(ops)
        for key, format in formats_of(op).items()
    }


def formats_by_member(table: Mapping[str, object], count: int) -> list[dict[str, DType]]:
    """The inverse of `member_formats`, for COUNT members. Raises KeyError or ValueError for other tables."""
    found: list[dict[str, DType]] = [{} for _ in range(count)]
    for name, format in table.items():
        member, _, key = name.partition("_")
        if key not in FORMAT_KEYS or member not in {f"m{index}" for index in range(count)}:
            raise ValueError(f"no member has formats called {name}")
        found[int(member[1:])][key] = FORMATS[str(format)]
    return found


def format_key(index: int, key: str) -> str:
    """What the format KEY of member INDEX is called in `member_formats`."""
    return f"m{index}_{key}"
