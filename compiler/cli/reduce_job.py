"""The work of `glassrt reduce`: a search for the smallest model, which says what it has found so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..frontend.source import Shapes
from ..reduction.api import Fault, Reduction, Search, feeds_of, save, searched
from ..reduction.candidate import TrialModel
from ..surgery.extract import whole_model
from .console import err, say
from .verbosity import verbosity


@dataclass(frozen=True)
class Feeding:
    """The inputs of a model: those of an .npz file, or random ones of a seed at sizes within shapes, of which
    `mask` is a mask of tokens."""

    inputs: Path | None
    shapes: Shapes
    sizes: Mapping[str, int]
    seed: int
    mask: str | None = None


def reduced_file(
    model: Path, output: Path, feeding: Feeding, fault: Fault, trials: int, seconds: float | None
) -> Reduction:
    """Find the smallest model that shows FAULT as MODEL does; smaller ones are written to OUTPUT at once."""
    proto = whole_model(model)
    feeds = feeds_of(proto, feeding.inputs, feeding.shapes, feeding.sizes, feeding.seed, feeding.mask)
    with _Progress() as progress:
        search = Search(trials, seconds, lambda m, f: save(output, m, f), progress.tell)
        found = searched(proto, feeds, fault, search)
    save(output, found.model, found.inputs)
    return found


class _Progress:
    """A line on stderr for every smaller model; on a terminal, one that says what is tried, too."""

    def __init__(self) -> None:
        console = err()
        shown = console.is_terminal and not verbosity.quiet
        self._status = console.status("the whole model") if shown else None
        self._smallest: TrialModel | None = None

    def __enter__(self) -> _Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, stage: str, tried: int, best: TrialModel) -> None:
        """Say that so many models were TRIED, now with less of STAGE, and which is the smallest."""
        if best is not self._smallest and self._smallest is not None:
            say(f"{tried} tried, fewer {stage}: {best.size()}")
        self._smallest = best
        if self._status is not None:
            self._status.update(f"{tried} tried, now {stage}: {best.size()}")
