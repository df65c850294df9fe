"""Which results kernels write into host memory themselves, instead of a copy behind them.

A copy of a few bytes takes 4 to 9 us of a small graph, and writes over the bus cost a kernel nothing: nobody
waits for them but the end of the graph. What is read again over the bus would be slow, though never wrong. So
an output has to be small, and written by one launch, which cannot read it: not as an operand, nor as blocks
that wait for each other might, nor as an op of a user, which may add to its output.
"""

from __future__ import annotations

from .manifest import LaunchSpec, Manifest
from .manifest_arguments import ArgumentSpec, TensorMapSpec

MOST_BYTES = 16 << 10


def direct_outputs(manifest: Manifest) -> frozenset[int]:
    """The numbers of the outputs of MANIFEST that may be written so, where they have at most MOST_BYTES."""
    if not all(isinstance(step, int) for step in manifest.steps):
        return frozenset()
    found = []
    for index in range(len(manifest.outputs)):
        names = [
            name for name, each in manifest.buffers.items() if (each.space, each.index) == ("output", index)
        ]
        users = [launch for launch in manifest.launches if set(names) & _buffers(launch)]
        if len(names) == 1 and len(users) == 1 and _only_writes(users[0], names[0]):
            found.append(index)
    return frozenset(found)


def _buffers(launch: LaunchSpec) -> set[str]:
    """The buffers of LAUNCH, those of tensor maps included."""
    return {_buffer(each) for each in launch.arguments}


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
