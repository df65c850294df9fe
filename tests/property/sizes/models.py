"""Random ONNX models with several symbolic sizes and arithmetic on them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from glassrt.testing.draft import Unfit
from onnx import ModelProto

from . import arithmetic, images, movement, shapes
from .draft import Draft

NAMES = ("N", "H", "W", "T", "P", "K")

STEPS = (*images.STEPS, *shapes.STEPS, *movement.STEPS, *arithmetic.STEPS)


def _dims(random: Random, kinds: Sequence[int | str], known: list[str]) -> tuple[int | str | None, ...]:
    """Sizes by KINDS: a number, or a letter that stands for a symbol, a known one or a new one."""
    found: list[int | str | None] = []
    for kind in kinds:
        if isinstance(kind, int):
            found.append(kind)
        elif random.random() < 0.12:
            found.append(random.choice([None, 1, 2, 4]))
        elif random.random() < 0.3 and known:
            found.append(random.choice(known))
        else:
            found.append(kind)
    known += [name for name in found if isinstance(name, str) and name not in known]
    return tuple(found)


LAYOUTS: tuple[tuple[tuple[int | str, ...], ...], ...] = (
    (("N", 2, "H", "W"),),
    ((1, 4, "H", "W"),),
    (("N", 3, "H", "W"), ("N", 3, "H", "W")),
    (("N", 2, "H", "W"), ("N", 2, "T", "P")),
    (("N", "T", 4),),
    (("N", "T", 4), ("N", 2, "P", 2), ("N", 2, "P", 2)),
    (("N", "T", 4), ("P", "K", 4)),
    (("N", "T"), ("K",)),
    (("N", 2, "T"),),
    (("T", "N"), ("N", "K")),
)


def random_model(seed: int) -> tuple[ModelProto, dict[str, int]]:
    """A model of 3 to 8 steps, and sizes of its named dimensions at which it is valid."""
    random = Random(seed)
    draft = Draft(random, {name: random.randint(1, 5) for name in NAMES})
    known: list[str] = []
    for kinds in random.choice(LAYOUTS):
        draft.input(*_dims(random, kinds, known))
    steps = random.randint(2, 6)
    while steps:
        if _step(draft):
            steps -= 1
    return draft.model(), draft.sizes


def _step(draft: Draft) -> bool:
    before = len(draft.nodes), len(draft.floats), dict(draft.values)
    try:
        draft.random.choice(STEPS)(draft)
    except Unfit:
        del draft.nodes[before[0] :], draft.floats[before[1] :]
        draft.values = before[2]
        return False
    return True


def random_ranges(seed: int, model: ModelProto, least: int) -> dict[str, tuple[int, int, int]] | None:
    """Ranges for the named dimensions of MODEL that begin at LEAST, or now and then none."""
    random = Random(seed + 1)
    if least == 1 and random.random() < 0.5:
        return None
    dims = [dim for value in model.graph.input for dim in value.type.tensor_type.shape.dim]
    names = dict.fromkeys(dim.dim_param for dim in dims if dim.dim_param)
    return {name: (least, 3, random.choice([5, 8, 40])) for name in names}
