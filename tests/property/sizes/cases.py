"""Inputs of a model for any choice of its sizes, and what oracles say of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from glassrt.testing.oracles import reference_evaluator, session_of
from onnx import ModelProto

Array = np.ndarray[Any, Any]
Feeds = dict[str, Array]
MOST_CHOICES = 40
TOLERANCE = 1e-4


@dataclass
class Case:
    """A model's free dimensions, and feeds for any choice of them."""

    model: ModelProto
    seed: int = 0
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.shapes = {value.name: self._shape(value) for value in self.model.graph.input}
        free = [dim for shape in self.shapes.values() for dim in shape if isinstance(dim, str)]
        self.names = list(dict.fromkeys(free))

    @staticmethod
    def _shape(value: Any) -> list[int | str]:
        dims = value.type.tensor_type.shape.dim
        return [d.dim_value or d.dim_param or f"{value.name}[{axis}]" for axis, d in enumerate(dims)]

    def choices(self, least: int, most: int, also: Sequence[Mapping[str, int]] = ()) -> list[dict[str, int]]:
        """Every choice of sizes, or MOST_CHOICES of them, and those of ALSO."""
        spans = [range(least, most + 1)] * len(self.names)
        every = [dict(zip(self.names, sizes, strict=True)) for sizes in itertools.product(*spans)]
        if len(every) > MOST_CHOICES:
            every = Random(self.seed).sample(every, MOST_CHOICES)
        known = [
            {name: sizes[name] for name in self.names} for sizes in also if set(self.names) <= sizes.keys()
        ]
        return every + [sizes for sizes in known if sizes not in every]

    def feeds(self, sizes: Mapping[str, int]) -> Feeds:
        numbers = np.random.default_rng(self.seed)
        return {
            name: numbers.standard_normal([d if isinstance(d, int) else sizes[d] for d in shape]).astype(
                np.float32
            )
            for name, shape in self.shapes.items()
        }


class Oracle:
    """ONNX Runtime without optimisations."""

    def __init__(self, model: ModelProto) -> None:
        self._model = model
        self._session: Any = None
        try:
            self._session = session_of(model)
        except Exception:  # of ONNX Runtime, which has no class for them
            return
        self.names = [value.name for value in self._session.get_outputs()]

    def run(self, feeds: Feeds) -> dict[str, Array] | None:
        """The outputs; None where it refuses."""
        if self._session is None:
            return None
        try:
            return dict(zip(self.names, self._session.run(self.names, feeds), strict=True))
        except Exception:
            return None

    def reference(self, feeds: Feeds) -> dict[str, Array] | None:
        """The outputs of onnx.reference; None where it refuses."""
        return reference_evaluator(self._model, feeds)

    def accepts(self, feeds: Feeds, want: Mapping[str, Array] | None) -> bool:
        """Whether there is an answer: WANT, unless onnx.reference has one of another shape.

        Where a window is larger than its input, ONNX Runtime takes a part of one if the stride is above 1.
        """
        if want is None:
            return False
        other = self.reference(feeds)
        return other is None or all(other[name].shape == array.shape for name, array in want.items())


def differs(got: Mapping[str, Array], want: Mapping[str, Array]) -> str | None:
    """How GOT is unlike WANT."""
    for name, value in want.items():
        a, b = np.asarray(got[name]), np.asarray(value)
        if a.shape != b.shape:
            return f"{name} has the shape {a.shape}, not {b.shape}"
        if not np.array_equal(np.isnan(a), np.isnan(b)) or not np.array_equal(np.isinf(a), np.isinf(b)):
            return f"{name} has NaN or infinity in other places"
        finite = np.isfinite(b)
        worst = np.max(np.abs(a[finite].astype(float) - b[finite]), initial=0.0)
        if worst > TOLERANCE * max(1.0, float(np.max(np.abs(b), where=finite, initial=0.0))):
            return f"{name} is off by {worst:.2g}"
    return None
