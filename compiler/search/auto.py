"""`precision="auto"`: data and scales, a search, and what a build needs of its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...codegen.interface import check_target
from ...dialects.core.ir import Module
from ...errors import InputError
from ..calibration.data import Batches
from ..calibration.observe import INTERPRET
from ..driver.build import Settings
from ..frontend.source import InputShapes, Shapes, Source
from ..precision.scales.names import model_hash
from ..precision.scales.table import CalibrationTable
from ..settings.policy import PrecisionPolicy
from .budget import Budget
from .quality import WANTED_LABELS, Reference
from .record import outcome, records_of
from .search import Found, search
from .sensitivity import WIDE, calibrated
from .trials import Held, MixtureTrials, load_model

AUTO = "auto"
BASE = "fp16"  # what runs in eight bits nowhere runs in
NO_FLOOR = (
    "ask for less, give what loses most a wider format (--override, a PrecisionPolicy), "
    "or take it as it is with --allow-fallback (allow_fallback=True)"
)


@dataclass(frozen=True)
class Auto:
    """What is asked for.

    budget: what the mixture has to keep; data: batches to measure on (see `calibrate`), all held in memory;
    labels: whole numbers, one a row, for budgets of top-1; base: the policy whose ops may go to eight bits;
    device: where mixtures are run, 'interpret' for numpy; limit: how many batches to take, None for all.
    """

    budget: Budget
    data: Batches
    labels: Any = None
    base: PrecisionPolicy = field(default_factory=lambda: PrecisionPolicy(BASE))
    device: str | None = INTERPRET
    limit: int | None = None

    def __post_init__(self) -> None:
        """InputError where labels are missing, or would do nothing."""
        if self.budget.needs_labels and self.labels is None:
            raise InputError(f"the budget {self.budget} needs labels", "one whole number for each row")
        if self.labels is not None and not self.budget.needs_labels:
            raise InputError(f"labels are for budgets of top-1, not for {self.budget}")


@dataclass(frozen=True)
class Searched:
    """The model as it was imported, the settings to build it with, and what was found."""

    module: Module
    settings: Settings
    found: Found


@np.errstate(all="ignore")
def searched(
    model: Source,
    settings: Settings,
    auto: Auto,
    inputs: InputShapes | None = None,
    shapes: Shapes | None = None,
) -> Searched:
    """The mixture of formats that AUTO asks for, as settings; the rest of SETTINGS is kept.

    Without a calibration table in SETTINGS one is made of the data, by entropy. Raises InputError, also
    where the base itself is not within the budget and may not fall back, CalibrationError and what a build
    of the base raises.
    """
    for target in settings.targets:
        check_target(target.name)
    module = load_model(model, inputs, shapes)
    held = Held.of(auto.data, module, auto.limit)
    labels = None if auto.labels is None else _labels(auto.labels)
    plain = MixtureTrials(module, replace(settings, calibration=None), held.batches, auto.device)
    table: CalibrationTable = settings.calibration or calibrated(plain, "entropy", settings.progress)
    table.check(model_hash(module))
    trials = MixtureTrials(module, replace(settings, calibration=table), held.batches, auto.device)
    reference = Reference(list(plain.outputs(WIDE)), labels, held.partial)
    found = search(trials, auto.base, auto.budget, reference, settings.progress)
    if not found.holds and not auto.base.allow_fallback:
        raise InputError(outcome(found), NO_FLOOR)
    chosen = replace(
        settings, precision=found.policy, calibration=table, decided=(*settings.decided, *records_of(found))
    )
    return Searched(module, chosen, found)


def _labels(given: Any) -> np.ndarray[Any, Any]:
    """Labels as an array of one axis, where they are such; `Reference` refuses the others."""
    try:
        array = np.asarray(given)
    except (ValueError, TypeError) as error:
        raise InputError(f"labels are no array: {error}", WANTED_LABELS) from None
    return array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
