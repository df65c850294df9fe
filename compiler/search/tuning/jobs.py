"""What is to be measured of a launch module: one job for each signature that has several candidates."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ....codegen.interface import (
    ArchSpec,
    Candidate,
    Request,
    candidates,
    families,
    request_of,
    request_signature,
)
from ....dialects.core.module import Module
from ....dialects.launch import Kernel, kernels_in
from ...kernels.members import members_of
from .residence import cold_inputs

MOST_INTEGER_BITS = 8  # wider integers may be positions in a tensor, for which no random number stands in


@dataclass(frozen=True, eq=False)
class TuningJob:
    """A signature to measure: one of its launches with the request for it, and the candidates, the model's
    choice first.

    launches: how many launches have it; cold: the positions of the inputs that are not in the L2 cache.
    """

    signature: str
    op: Kernel
    request: Request
    candidates: tuple[Candidate, ...]
    launches: int
    cold: tuple[int, ...]

    @property
    def weight(self) -> float:
        """The expected microseconds of all launches: what there is to gain."""
        return self.launches * self.candidates[0].microseconds


def jobs_of(
    module: Module, target: ArchSpec, most: int, l2_bytes: int, known: Collection[str] = ()
) -> list[TuningJob]:
    """The jobs for the launches of MODULE, with MOST candidates each, without signatures that are KNOWN.

    Those that take most time come first. Left out are groups, whose members are resized to fit each other,
    launches that write one row of a stack, and kernels that read wide integers: these may be positions in a
    tensor.
    """
    found: dict[str, list[Kernel]] = {}
    requests: dict[str, Request] = {}
    for op in measurable(module):
        request = request_of(module, op, target)
        signature = request_signature(request)
        if signature not in known:
            found.setdefault(signature, []).append(op)
            requests.setdefault(signature, request)
    cold = cold_inputs(module, l2_bytes)
    jobs = [
        TuningJob(name, ops[0], requests[name], _best(requests[name], most), len(ops), _usual(ops, cold))
        for name, ops in found.items()
    ]
    return sorted(
        (job for job in jobs if len(job.candidates) > 1), key=lambda job: (-job.weight, job.signature)
    )


def measurable(module: Module) -> Iterator[Kernel]:
    """The launches of MODULE that can run alone on random inputs."""
    for op in kernels_in(module.main.block):
        alone = not op.stacked and len(members_of(op)) == 1 and op.family in families()
        integers = (value.type.dtype for value in op.reads if not value.type.dtype.is_float)
        if alone and all(dtype.bits <= MOST_INTEGER_BITS for dtype in integers):
            yield op


def _best(request: Request, most: int) -> tuple[Candidate, ...]:
    return tuple(candidates(request)[:most])


def _usual(ops: list[Kernel], cold: dict[Kernel, tuple[int, ...]]) -> tuple[int, ...]:
    """What is cold for most of OPS; of equally frequent ones what is cold for the first."""
    settings = [cold[op] for op in ops]
    return max(settings, key=settings.count)
