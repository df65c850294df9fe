"""The Python interface: compile a model to a plan, check it, time it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Unpack

from ..dialects.core.clone import clone_module
from ..dialects.core.module import Module
from ..errors import InputError
from ..runtime.arguments import checked_but, expect, expect_each
from ..runtime.plan import Plan
from .benching import PERCENTILES, BenchReport, BenchRun, bench_plan
from .building import build_order
from .calibration.calibrate import calibrate
from .calibration.data import Batches, is_no_arrays
from .checking.bisect_report import BisectReport
from .checking.check import CheckReport
from .checks import CheckRun, Given, bisect_order, check_finished, check_order
from .driver.clock import Progress
from .files.plans import is_plan
from .frontend.source import InputShapes, Shapes, Source
from .order import BuildArguments, BuildOrder, order_of, settings_of
from .passes.debug import Sink
from .precision.scales.table import CalibrationTable
from .search.auto import Auto
from .search.budget import Budget
from .search.tuning.tactics import TacticsRequest
from .search.tuning.tune import Tuning
from .settings.names import AUTO, BASE, HOST, INTERPRET, TUNING_SECONDS
from .settings.policy import PrecisionPolicy, as_policy


@checked_but(
    *("model", "target", "shapes", "inputs", "calibration", "budget", "data", "lock"),
    *("nofuse", "keep", "disable", "streams", "dump_dir", "verify"),
)
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
    tune_seconds: float = TUNING_SECONDS,
    lock: str | os.PathLike[str] | None = None,
    nofuse: Iterable[tuple[str, str]] = (),
    keep: Iterable[str] = (),
    disable: Iterable[str] = (),
    streams: int = 0,
    cache: bool = True,
    dump_dir: str | os.PathLike[str] | None = None,
    print_ir: Sink | None = None,
    verify: Literal["ir", "semantics"] = "ir",
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
    nofuse: pairs of ONNX nodes or tensors to keep in different kernels, such as [("conv_1", "relu_2")];
    keep: nodes or tensors to store in memory; disable: rules of the ledger not to apply.
    streams: how many streams launches are spread over; 0: as many as should save time.
    cache: keep compiled kernels in the user's cache folder. progress: called with (stage, done, total).
    dump_dir: a folder for the IR after every pass, and every kernel; print_ir: called with the IR after every
    pass; verify: what is verified then, the IR's rules ('ir') or also what it computes ('semantics').

    Raises GlassErrors: ModelError, UnsupportedError, IRError, InputError, CalibrationError, CompileError.
    """
    auto = _auto(precision, budget, data, labels, device)
    options: BuildArguments = {
        "target": target, "in_place": in_place, "unpadded": unpadded, "nofuse": nofuse, "keep": keep,
        "disable": disable, "streams": streams, "cache": cache, "dump_dir": dump_dir, "print_ir": print_ir,
        "verify": verify, "progress": progress,
    }  # fmt: skip
    settings = settings_of(options, _policy(precision, auto, calibration is not None))
    # All arguments are checked by now. Calibration and search, which run whole builds, come next.
    request = TacticsRequest(Tuning(tune, tune_seconds) if tune else None, lock)
    return _built(BuildOrder(model, settings, inputs, shapes), calibration, auto, request)


def _built(
    order: BuildOrder,
    calibration: CalibrationTable | Batches | None,
    auto: Auto | None,
    request: TacticsRequest,
) -> Plan:
    """The plan of ORDER, whose model is calibrated first where CALIBRATION is data."""
    if calibration is not None:
        scales = _scales(order, calibration)
        order = replace(order, settings=replace(order.settings, calibration=scales))
    report = build_order(order, auto, request)
    for note in report.tactics.notes:
        warnings.warn(note, stacklevel=4)
    return report.plan


@checked_but("model", "arrays", "reference")
def check(
    model: Plan | Source,
    arrays: Given = None,
    *,
    device: str | None = None,
    tolerance: float | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    reference: Source | None = None,
    **build: Unpack[BuildArguments],
) -> CheckReport:
    """Run MODEL, a plan, the file of one, or what one is built from, and compare every launch and output with
    a reference.

    arrays: the inputs by name, or the path of an .npz file with them; default: random ones of SEED, with the
    symbolic dimensions at SIZES, such as {"N": 8}, else at their optima.
    device: 'cuda', 'cuda:N' or 'host'; default: cuda if present, else host. For a model also 'interpret',
    which is numpy, and shows what passes did but not what kernels do.
    tolerance: the relative L2 error to allow, instead of the derived bounds.
    reference: for a plan, the model that it was built from, to compare outputs with; default: its own text.
    build: the options of `compile` that say how a model is built.

    The report is true in `ok` if all errors are within bounds. Raises what `compile` and running raise.
    """
    how = CheckRun(device, tolerance, sizes or {}, seed)
    model = _opened(model)
    if isinstance(model, Plan):
        _refuse_options(build)
        return check_finished(model, arrays, how, reference)
    if reference is not None:
        raise InputError("reference is for plans", "a model is its own reference")
    return check_order(order_of(model, _for_device(build, device)), arrays, how)


@checked_but("model", "arrays")
def bisect(
    model: Source,
    arrays: Given = None,
    *,
    device: str | None = None,
    interpret: bool = False,
    tolerance: float | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    **build: Unpack[BuildArguments],
) -> BisectReport:
    """Find the first decision of the compiler that breaks MODEL's outputs, by building it with fewer of them.

    interpret: run in numpy, which is quick and finds wrong rules but not wrong kernels. All else as `check`.
    """
    order = order_of(model, _for_device(build, HOST if interpret else device))
    return bisect_order(order, arrays, CheckRun(device, tolerance, sizes or {}, seed), interpret)


@checked_but("plan", "arrays", "percentiles")
def bench(
    plan: Plan | Source,
    arrays: Given = None,
    *,
    device: str | None = None,
    sizes: Mapping[str, int] | None = None,
    repeats: int = 100,
    duration: float = 0.0,
    warmup: int = 10,
    percentiles: Sequence[float] = PERCENTILES,
    profile_repeats: int = 10,
    seed: int = 0,
    **build: Unpack[BuildArguments],
) -> BenchReport:
    """Time PLAN, or a file of one, or a model after building it, on ARRAYS, by name or as an .npz file, or on
    random inputs of SEED.

    device: 'cuda', 'cuda:N' or 'host'; default: cuda if the plan has code for a GPU that is present.
    sizes: values of symbolic dimensions, such as {"N": 8}; default: their optima.
    repeats, warmup: how many runs are timed, and how many untimed ones come first; duration: seconds for
    which runs go on at least. percentiles: those of the latency that are told.
    profile_repeats: how often each kernel is timed alone; 0: not at all.
    build: the options of `compile` that say how a model is built.

    Raises what `compile` and running raise, and InputError for options that mean nothing for a plan.
    """
    plan = _opened(plan)
    if isinstance(plan, Plan):
        _refuse_options(build)
        timed = plan
    else:
        timed = build_order(order_of(plan, _for_device(build, device))).plan
    how = BenchRun(
        arrays, sizes or {}, seed, repeats, duration, warmup, profile_repeats, _numbers(percentiles)
    )
    return bench_plan(timed, device, how)


def _opened(source: Plan | Source) -> Plan | Source:
    """The plan in the file SOURCE if that is one, else SOURCE itself."""
    if isinstance(source, (str, os.PathLike)) and is_plan(Path(source)):
        return Plan.load(source)
    return source


def _numbers(percentiles: Sequence[float]) -> tuple[float, ...]:
    expect("percentiles", percentiles, list, tuple)
    expect_each("percentiles", percentiles, int, float)
    return tuple(percentiles)


def _refuse_options(build: BuildArguments) -> None:
    """Raise InputError for an option of a build, where there is a plan already."""
    if build:
        raise InputError(f"{next(iter(build))} has no effect on a plan", "give it to glassrt.compile")


def _for_device(build: BuildArguments, device: str | None) -> BuildArguments:
    """BUILD for the target that DEVICE needs, unless it names one."""
    return {"target": HOST, **build} if device == HOST else build


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


def _scales(order: BuildOrder, given: CalibrationTable | Batches) -> CalibrationTable:
    """The calibration table GIVEN directly or by its path, or the one that calibrating ORDER's model on GIVEN
    batches gives."""
    if isinstance(given, (str, os.PathLike)) and is_no_arrays(Path(given)):
        return CalibrationTable.load(given)
    if isinstance(given, CalibrationTable):
        return given
    consumed = clone_module(order.source) if isinstance(order.source, Module) else order.source
    progress = order.settings.progress
    return calibrate(consumed, given, inputs=order.inputs, shapes=order.shapes, progress=progress)
