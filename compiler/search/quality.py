"""The quality of a network's outputs against those of the same network in fp32."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError

Array = np.ndarray[Any, Any]
Outputs = Mapping[str, Array]
WANTED_LABELS = "labels are integers, one for each row of the outputs"


@dataclass(frozen=True)
class Quality:
    """The measured quality of a network.

    noise: by output, the power of its difference from fp32 relative to the power of fp32's; lost: percentage
    points of top-1 accuracy lost against fp32, negative where it gains, None without labels.
    """

    noise: Mapping[str, float]
    lost: float | None = None

    @property
    def sqnr(self) -> float:
        """The SQNR of the worst output in dB."""
        return sqnr(self.noise)


def sqnr(noise: Mapping[str, float]) -> float:
    """The signal-to-noise ratio of the worst output in dB; infinite where all are exact."""
    worst = max(noise.values())
    return -10 * math.log10(worst) if worst else math.inf


def added(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The noise of independent sources together: to first order, their powers add up at each output."""
    total: dict[str, float] = {}
    for noise in parts:
        for name, power in noise.items():
            total[name] = total.get(name, 0.0) + power
    return total


def decibels(value: float) -> str:
    """A ratio in dB as text."""
    return f"{value:.1f}"


class Reference:
    """The outputs of the network in fp32, batch by batch, and the labels of their rows if given."""

    def __init__(
        self, batches: Sequence[Outputs], labels: Array | None = None, partial: bool = False
    ) -> None:
        """PARTIAL: LABELS may be longer than the rows in BATCHES.

        Raises InputError when no output is a float, or LABELS do not match the rows.
        """
        self.batches = batches
        self.names = tuple(name for name, array in batches[0].items() if _is_float(array))
        if not self.names:
            raise InputError("no output of the model is a float, so there is no noise to measure")
        self._power = {name: sum(_power(_finite(batch[name])) for batch in batches) for name in self.names}
        self._labels: list[Array] = []
        self._scores = ""
        if labels is not None:
            self._scores = self._output_of_scores()
            self._labels = self._by_batch(labels, partial)
        pairs = zip(batches, self._labels, strict=False)  # empty without labels
        self._hits = sum(self._correct(batch, wanted) for batch, wanted in pairs)

    @property
    def top1(self) -> float | None:
        """The top-1 accuracy of fp32 in percent; None without labels."""
        return 100 * self._hits / self._rows if self._labels else None

    def quality(self, runs: Iterable[Outputs]) -> Quality:
        """The quality of RUNS: the outputs of another network on the same batches, read one by one."""
        noise = dict.fromkeys(self.names, 0.0)
        hits = 0
        for number, (want, have) in enumerate(zip(self.batches, runs, strict=True)):
            for name in self.names:
                noise[name] += _difference(np.asarray(have[name]), want[name])
            if self._labels:
                hits += self._correct(have, self._labels[number])
        relative = {name: _ratio(power, self._power[name]) for name, power in noise.items()}
        lost = 100 * (self._hits - hits) / self._rows if self._labels else None
        return Quality(relative, lost)

    # ------------------------------------------------------------ top-1

    @property
    def _rows(self) -> int:
        return sum(map(len, self._labels))

    def _output_of_scores(self) -> str:
        """The output with the class scores: the first whose rows have several elements."""
        for name in self.names:
            if _classes(self.batches[0][name]) > 1:
                return name
        raise InputError("no output of the model has a row of class scores for each label")

    def _by_batch(self, labels: Array, partial: bool) -> list[Array]:
        if labels.dtype.kind not in "iu" or labels.ndim != 1:
            raise InputError(f"the labels are {labels.dtype}{list(labels.shape)}", WANTED_LABELS)
        ends = np.cumsum([len(batch[self._scores]) for batch in self.batches])
        if partial:
            labels = labels[: ends[-1]]
        if ends[-1] != len(labels):
            message = f"there are {len(labels)} labels for {ends[-1]} rows of '{self._scores}'"
            raise InputError(message, WANTED_LABELS)
        return np.split(labels, ends[:-1])

    def _correct(self, outputs: Outputs, wanted: Array) -> int:
        """The number of rows of one batch whose largest score is that of their label."""
        scores = np.asarray(outputs[self._scores]).astype(np.float64)
        return int(np.count_nonzero(scores.reshape(len(scores), -1).argmax(axis=1) == wanted))


def _is_float(array: Array) -> bool:
    # Short floats that numpy lacks, such as bfloat16, have kind V.
    return array.dtype.kind in "fV" and array.size > 0


def _classes(array: Array) -> int:
    return array.size // len(array) if array.ndim > 1 and len(array) else 0


def _finite(array: Array) -> Array:
    wide = array.astype(np.float64)
    return np.where(np.isfinite(wide), wide, 0.0)


def _power(array: Array) -> float:
    return float(np.sum(np.square(array)))


def _difference(have: Array, want: Array) -> float:
    """The power of the difference; infinite where only one array has a NaN or an infinity."""
    have, want = have.astype(np.float64), want.astype(np.float64)
    with np.errstate(all="ignore"):
        same = (have == want) | (np.isnan(have) & np.isnan(want))
        difference = np.where(same, 0.0, have - want)
    return _power(difference) if np.isfinite(difference).all() else math.inf


def _ratio(part: float, whole: float) -> float:
    if not part:
        return 0.0
    return part / whole if whole else math.inf
