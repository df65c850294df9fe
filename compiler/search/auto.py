"""`precision="auto"`: prepares data and scales, runs the search, and turns its result into build settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...codegen.interface import check_target
from ...dialects.core.module import Module
from ...errors import InputError
from ..calibration.data import Batches
from ..driver.build import Settings
from ..frontend.source import InputShapes, Shapes, Source
from ..precision.scales.names import model_hash
from ..precision.scales.table import CalibrationTable
from ..settings.names import BASE, INTERPRET
from ..settings.policy import PrecisionPolicy
from .budget import Budget
from .quality import WANTED_LABELS, Reference
from .record import outcome, records_of
from .search import Found, search
from .sensitivity import WIDE, calibrated
from .trials import HeldBatches, MixtureTrials, load_model

NO_FLOOR = (
    "relax the budget, give the ops that lose most a wider format (--override, a PrecisionPolicy), "
    "or accept the loss with --allow-fallback (allow_fallback=True)"
)


@dataclass(frozen=True)
class Auto:
    """The request for a search.

    budget: the quality that the mixture must keep; data: batches to measure on (see `calibrate`), all held in
    memory; labels: integers, one for each row, for top-1 budgets; base: the policy whose ops may go to eight
    bits; device: where mixtures are run, 'interpret' for numpy; limit: how many batches to use, None for all.
    """

    budget: Budget
    data: Batches
    labels: Any = None
    base: PrecisionPolicy = field(default_factory=lambda: PrecisionPolicy(BASE))
    device: str | None = INTERPRET
    limit: int | None = None

    def __post_init__(self) -> None:
        """Raise InputError where labels are missing, or given without a use."""
        if self.budget.needs_labels and self.labels is None:
            raise InputError(f"the budget {self.budget} needs labels", "give one integer for each row")
        if self.labels is not None and not self.budget.needs_labels:
            raise InputError(f"labels are for top-1 budgets, not for {self.budget}")


@dataclass(frozen=True)
class SearchResult:
    """The model as imported, the settings to build it with, and the result of the search."""

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
) -> SearchResult:
    """Search the mixture of formats that AUTO asks for; SETTINGS with that policy, scales and ledger records.

    Without a calibration table in SETTINGS, the entropy calibrator makes one from the data. Raises InputError
    for bad data or labels, and where the base policy misses the budget without `allow_fallback`;
    CalibrationError; and what a build of the base raises.
    """
    for target in settings.targets:
        check_target(target.name)
    module = load_model(model, inputs, shapes)
    held = HeldBatches.of(auto.data, module, auto.limit)
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
    return SearchResult(module, chosen, found)


def _labels(given: Any) -> np.ndarray[Any, Any]:
    """GIVEN as an array, a single column as one axis; `Reference` refuses arrays of other shapes.

    Raises InputError where GIVEN is not an array.
    """
    try:
        array = np.asarray(given)
    except (ValueError, TypeError) as error:
        raise InputError(f"the labels are not an array: {error}", WANTED_LABELS) from None
    return array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
