"""Which results kernels write into host memory themselves, instead of a copy behind them.

A copy of a few bytes takes 4 to 9 us of a small graph, and writes over the bus cost a kernel nothing: nobody
waits for them but the end of the graph. What is read again over the bus would be slow, though never wrong. So
an output has to be small, and written by one launch, which cannot read it: not as an operand, nor as blocks
that wait for each other might, nor as an op of a user, which may add to its output.
"""

from __future__ import annotations

from collections import defaultdict

from .manifest import LaunchSpec, Manifest
from .manifest_arguments import ArgumentSpec, TensorMapSpec

MOST_BYTES = 16 << 10


def direct_outputs(manifest: Manifest) -> frozenset[int]:
    """The numbers of the outputs of MANIFEST that may be written so, where they have at most MOST_BYTES."""
    if not all(isinstance(step, int) for step in manifest.steps):
        return frozenset()
    names, users = _names_of_outputs(manifest), _users_of_buffers(manifest)
    return frozenset(index for index, each in names.items() if _is_direct(each, users))


def _names_of_outputs(manifest: Manifest) -> dict[int, list[str]]:
    """The buffers that each output of MANIFEST has."""
    names: dict[int, list[str]] = defaultdict(list)
    for name, each in manifest.buffers.items():
        if each.space == "output":
            names[each.index].append(name)
    return names


def _users_of_buffers(manifest: Manifest) -> dict[str, list[LaunchSpec]]:
    """The launches of MANIFEST that get each buffer, those with a tensor map over it included."""
    users: dict[str, list[LaunchSpec]] = defaultdict(list)
    for launch in manifest.launches:
        for name in {_buffer(each) for each in launch.arguments}:
            users[name].append(launch)
    return users


def _is_direct(names: list[str], users: dict[str, list[LaunchSpec]]) -> bool:
    """Whether the output that the buffers NAMES are is written by one launch, which cannot read it."""
    if len(names) != 1 or len(users.get(names[0], ())) != 1:
        return False
    return _only_writes(users[names[0]][0], names[0])


def _buffer(argument: ArgumentSpec) -> str:
    """The buffer that ARGUMENT is, or the tensor map over it; no name of one if it is a number."""
    value = argument.value
    return value.buffer if isinstance(value, TensorMapSpec) else str(value)


def _only_writes(launch: LaunchSpec, name: str) -> bool:
    """Whether LAUNCH writes the buffer NAME by plain stores, and cannot read it."""
    kinds = [each.parameter.kind for each in launch.arguments]
    uses = [kind for kind, each in zip(kinds, launch.arguments, strict=True) if _buffer(each) == name]
    together = launch.cooperative or "scratch" in kinds
    # The name of an op of a user has its domain in front.
    return uses == ["write"] and not together and "." not in launch.op
