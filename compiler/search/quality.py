"""How good the outputs of a network are, against those of the same network in fp32."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError

Array = np.ndarray[Any, Any]
Outputs = Mapping[str, Array]
WANTED_LABELS = "labels are whole numbers, one for each row of the outputs"


@dataclass(frozen=True)
class Quality:
    """noise: by output, the power of its difference from fp32 over the power of fp32's; lost: percent
    points of top-1 lost to fp32, negative where some are gained, None without labels."""

    noise: Mapping[str, float]
    lost: float | None = None

    @property
    def sqnr(self) -> float:
        """Of the worst output, in dB."""
        return sqnr(self.noise)


def sqnr(noise: Mapping[str, float]) -> float:
    """The ratio of signal to noise of the worst output in dB; infinite where all are exact."""
    worst = max(noise.values())
    return -10 * math.log10(worst) if worst else math.inf


def added(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The noise of independent sources together: to first order their powers add up at the output."""
    total: dict[str, float] = {}
    for noise in parts:
        for name, power in noise.items():
            total[name] = total.get(name, 0.0) + power
    return total


def decibels(value: float) -> str:
    """A ratio in dB as it is printed."""
    return f"{value:.1f}"


class Reference:
    """The outputs of the network in fp32, batch by batch, and the labels of their rows."""

    def __init__(
        self, batches: Sequence[Outputs], labels: Array | None = None, partial: bool = False
    ) -> None:
        """InputError when no output is a float, or LABELS do not fit; PARTIAL: there may be more of them."""
        self.batches = batches
        self.names = tuple(name for name, array in batches[0].items() if _is_float(array))
        if not self.names:
            raise InputError("no output of the model is a float: there is no noise to measure")
        self._power = {name: sum(_power(_finite(batch[name])) for batch in batches) for name in self.names}
        self._labels: list[Array] = []
        self._scores = ""
        if labels is not None:
            self._scores = self._output_of_scores()
            self._labels = self._by_batch(labels, partial)
        pairs = zip(batches, self._labels, strict=False)  # without labels there are none
        self._hits = sum(self._right(batch, wanted) for batch, wanted in pairs)

    @property
    def top1(self) -> float | None:
        """The percentage of rows whose largest score, in fp32, is that of their label."""
        return 100 * self._hits / self._rows if self._labels else None

    def quality(self, runs: Iterable[Outputs]) -> Quality:
        """The quality of RUNS, the outputs of another network on the same batches; read one by one."""
        noise = dict.fromkeys(self.names, 0.0)
        hits = 0
        for number, (want, have) in enumerate(zip(self.batches, runs, strict=True)):
            for name in self.names:
                noise[name] += _difference(np.asarray(have[name]), want[name])
            if self._labels:
                hits += self._right(have, self._labels[number])
        relative = {name: _ratio(power, self._power[name]) for name, power in noise.items()}
        lost = 100 * (self._hits - hits) / self._rows if self._labels else None
        return Quality(relative, lost)

    # ------------------------------------------------------------ top-1

    @property
    def _rows(self) -> int:
        return sum(map(len, self._labels))

    def _output_of_scores(self) -> str:
        """The output that classes are read from: the first with rows of several numbers."""
        for name in self.names:
            if _classes(self.batches[0][name]) > 1:
                return name
        raise InputError("no output of the model has a row of scores for each label")

    def _by_batch(self, labels: Array, partial: bool) -> list[Array]:
        if labels.dtype.kind not in "iu" or labels.ndim != 1:
            raise InputError(f"labels are {labels.dtype}{list(labels.shape)}", WANTED_LABELS)
        ends = np.cumsum([len(batch[self._scores]) for batch in self.batches])
        if partial:
            labels = labels[: ends[-1]]
        if ends[-1] != len(labels):
            message = f"there are {len(labels)} labels for {ends[-1]} rows of '{self._scores}'"
            raise InputError(message, WANTED_LABELS)
        return np.split(labels, ends[:-1])

    def _right(self, outputs: Outputs, wanted: Array) -> int:
        """How many rows of one batch have their largest score at the label."""
        scores = np.asarray(outputs[self._scores]).astype(np.float64)
        return int(np.count_nonzero(scores.reshape(len(scores), -1).argmax(axis=1) == wanted))


def _is_float(array: Array) -> bool:
    # Short floats that numpy lacks are of kind V.
    return array.dtype.kind in "fV" and array.size > 0


def _classes(array: Array) -> int:
    return array.size // len(array) if array.ndim > 1 and len(array) else 0


def _finite(array: Array) -> Array:
    wide = array.astype(np.float64)
    return np.where(np.isfinite(wide), wide, 0.0)


def _power(array: Array) -> float:
    return float(np.sum(np.square(array)))


def _difference(have: Array, want: Array) -> float:
    """The power of the difference; infinite where one has a NaN or an infinity that the other has not."""
    have, want = have.astype(np.float64), want.astype(np.float64)
    with np.errstate(all="ignore"):
        same = (have == want) | (np.isnan(have) & np.isnan(want))
        difference = np.where(same, 0.0, have - want)
    return _power(difference) if np.isfinite(difference).all() else math.inf


def _ratio(part: float, whole: float) -> float:
    if not part:
        return 0.0
    return part / whole if whole else math.inf
