"""Tactics: measured choices of kernels, which a build takes instead of those of the cost model.

A tactic is for one signature (`request_signature`), wherever a kernel with it is launched. Tuning measures
tactics (`compiler/search/tuning`), lock files keep them (`lock.py`), the choice of kernels takes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...codegen.interface import Candidate, Config
from ...errors import InputError

RULE = "tactics"
SUMMARY = "a kernel's configuration by the cost model => the one that was measured to be the fastest"
AGAIN = "tune again with --tune, or delete the line"


@dataclass(frozen=True)
class Tactic:
    """The choice for one signature, and the times that it rests on.

    microseconds: of the choice; model_microseconds: of what the cost model chooses, 0 where that was not
    measured; tried: how many candidates were measured; cold: which inputs were not in the L2 cache, by
    position; here: whether it was measured during this build, not read from a lock file.
    """

    family: str
    config: Config
    microseconds: float
    model_microseconds: float
    tried: int
    cold: tuple[int, ...] = ()
    here: bool = False

    @property
    def origin(self) -> str:
        """How a build that takes it came by it: `tuned` or `locked`."""
        return "tuned" if self.here else "locked"

    @property
    def choice(self) -> str:
        """Family and configuration as text: `mma block_k=32 block_m=128`."""
        return choice_text(self.family, self.config)

    def is_of(self, candidate: Candidate) -> bool:
        """Whether CANDIDATE is what it chooses."""
        return choice_text(candidate.family, candidate.config) == self.choice


Tactics = Mapping[str, Tactic]  # by signature


def choice_text(family: str, config: Mapping[str, int | str]) -> str:
    """FAMILY and CONFIG as one line, the keys sorted."""
    return " ".join([family, *(f"{key}={value}" for key, value in sorted(config.items()))])


class GoneTacticError(InputError):
    """A tactic names a candidate that no family proposes any more; `signature` says which tactic."""

    def __init__(self, signature: str, tactic: Tactic) -> None:
        self.signature = signature
        super().__init__(f"the tactic of {signature} is no candidate for this kernel: {tactic.choice}", AGAIN)
