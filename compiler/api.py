"""The Python interface: compile a model to a plan."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..codegen.interface import KernelCache
from ..dialects.core.clone import clone_module
from ..dialects.core.module import Module
from ..errors import InputError
from ..runtime.arguments import checked_but
from ..runtime.plan import Plan
from .calibration.calibrate import calibrate
from .calibration.data import Batches, is_no_arrays
from .calibration.observe import INTERPRET
from .driver.build import Settings, build, chosen_targets, present_arch
from .driver.clock import Progress
from .frontend.source import InputShapes, Shapes, Source
from .precision.scales.table import CalibrationTable
from .search.auto import AUTO, BASE, Auto, searched
from .search.budget import Budget
from .search.tuning.tactics import TacticsRequest, with_tactics
from .search.tuning.tune import SECONDS, Tuning
from .settings.policy import PrecisionPolicy, as_policy


@checked_but("model", "target", "shapes", "inputs", "calibration", "budget", "data", "lock")
def compile(
    model: Source,
    *,
    target: str | Sequence[str] | None = None,
    precision: str | PrecisionPolicy = "fp32",
    shapes: Shapes | None = None,
    inputs: InputShapes | None = None,
    in_place: Mapping[str, str] | None = None,
    unpadded: str | None = None,
    calibration: CalibrationTable | Batches | None = None,
    budget: str | None = None,
    data: Batches | None = None,
    labels: object = None,
    device: str | None = None,
    tune: int = 0,
    tune_seconds: float = SECONDS,
    lock: str | os.PathLike[str] | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> Plan:
    """Compile MODEL to a plan.

    model: an ONNX file, its bytes, a ModelProto, or an .ir file of any level.
    target: 'sm_90a' and the like, with a card to tune for as 'sm_90a:h100', 'host', or several, each of
    which is planned for; default: the GPU of this machine, else host.
    precision: 'fp32', 'tf32', 'fp16', 'bf16', 'int8', 'fp8' or a PrecisionPolicy, which can express more; or
    'auto', the fastest mixture of fp16, int8 and fp8 within the budget. With a budget, a policy is the base
    of the mixture instead of plain fp16.
    shapes: (min, opt, max) per symbolic dimension, such as {"N": (1, 8, 32)}, or per number in an input that
    sizes depend on, such as {"shape[0]": (1, 8, 32)}.
    inputs: other shapes for inputs, such as {"data": ["N", 3, 224, 224]}. An input with a default is a
    constant of the plan unless it is among them.
    in_place: by output the input whose memory it takes, such as {"present": "past"}; see docs/decoding.md.
    unpadded: a mask of tokens, such as 'attention_mask', whose padding is left out; see docs/unpadded.md.
    calibration: for int8 and fp8: a CalibrationTable, the path of one, or batches as `calibrate` takes them.
    budget: the accuracy that a mixture must keep, measured against fp32: 'sqnr=30' (dB at the output) or
    'top1=0.5' (the most percentage points lost); data: the batches to measure on, and to calibrate with if
    calibration is absent; labels: for top-1, an integer for each row; device: where mixtures are run,
    'interpret' (numpy, the default), 'host', 'cuda' or 'cuda:N'. The mixtures considered are in the plan's
    ledger. If even the base misses the budget, InputError, unless it has allow_fallback.
    tune: measure so many candidates of every kernel on the GPU that the plan is for, or on the host for
    'host', and take the fastest; 0, the default, takes what the cost model expects to be. It stops after
    tune_seconds. lock: a lock file with choices that were measured, which is read and, by tuning, written;
    with it alone nothing is measured, and no GPU is needed. See docs/tuning.md.
    cache: keep compiled kernels in the user's cache folder; progress: called with (stage, done, total).

    Raises GlassErrors: ModelError, UnsupportedError, IRError, InputError, CalibrationError, CompileError.
    """
    request = TacticsRequest(Tuning(tune, tune_seconds) if tune else None, lock)
    auto = _auto(precision, budget, data, labels, device)
    settings = Settings(
        targets=chosen_targets(target, present_arch() if target is None else None),
        precision=_policy(precision, auto, calibration is not None),
        cache=KernelCache() if cache else None,
        in_place=in_place or {},
        unpadded=unpadded,
        progress=progress,
    )
    # All arguments are checked by now. Calibration and search, which run whole builds, come next.
    if calibration is not None:
        settings = replace(settings, calibration=_scales(model, calibration, inputs, shapes, progress))
    if auto is not None:
        outcome = searched(model, settings, auto, inputs, shapes)
        model, settings, inputs, shapes = outcome.module, outcome.settings, None, None
    if request:
        found = with_tactics(model, settings, request, inputs, shapes)
        for note in found.notes:
            warnings.warn(note, stacklevel=3)
        model, settings = found.model, found.settings
    return build(model, settings, inputs, shapes).plan


def _policy(precision: str | PrecisionPolicy, auto: Auto | None, calibrated: bool) -> PrecisionPolicy:
    """The requested policy; for AUTO the base of the mixture. Raises InputError for scales that it does not
    use."""
    if auto is not None:
        return auto.base
    policy = as_policy(precision)
    if calibrated and not policy.quantizes:
        raise InputError(f"calibration is for int8 and fp8, not for {policy.name}")
    return policy


def _auto(
    precision: str | PrecisionPolicy,
    budget: str | None,
    data: Batches | None,
    labels: object,
    device: str | None,
) -> Auto | None:
    """The requested search; None without one. Raises InputError for incomplete or unused arguments."""
    given = {"budget": budget, "data": data, "labels": labels, "device": device}
    if precision != AUTO and (budget is None or isinstance(precision, str)):
        odd = next((name for name, value in given.items() if value is not None), None)
        if odd is not None:
            raise InputError(f"{odd} is for precision='auto'", "or for a PrecisionPolicy with a budget")
        return None
    if budget is None or data is None:
        missing = "budget" if budget is None else "data"
        raise InputError(f"precision='auto' needs {missing}", 'such as budget="sqnr=30", data=batches')
    base = PrecisionPolicy(BASE) if isinstance(precision, str) else precision
    return Auto(Budget.parse(budget), data, labels, base, device or INTERPRET)


def _scales(
    model: Source,
    given: CalibrationTable | Batches,
    inputs: InputShapes | None,
    shapes: Shapes | None,
    progress: Progress | None,
) -> CalibrationTable:
    """The calibration table GIVEN directly or by its path, or the one that calibrating MODEL on GIVEN batches
    gives."""
    if isinstance(given, (str, os.PathLike)) and is_no_arrays(Path(given)):
        return CalibrationTable.load(given)
    if isinstance(given, CalibrationTable):
        return given
    consumed = clone_module(model) if isinstance(model, Module) else model
    return calibrate(consumed, given, inputs=inputs, shapes=shapes, progress=progress)
