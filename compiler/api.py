"""The Python interface: compile a model to a plan."""

from __future__ import annotations

from collections.abc import Sequence

from ..codegen.cache import KernelCache
from ..errors import InputError, UnsupportedError
from ..runtime.discovery import present_target
from ..runtime.plan import Plan
from .build import Progress, Settings, build, chosen_targets
from .calibration.calibrate import calibrate
from .calibration.data import Batches
from .calibration.table import CalibrationTable
from .policy import PrecisionPolicy, as_policy
from .source import InputShapes, Shapes, Source


def compile(
    model: Source,
    *,
    target: str | Sequence[str] | None = None,
    precision: str | PrecisionPolicy = "fp32",
    shapes: Shapes | None = None,
    inputs: InputShapes | None = None,
    calibration: CalibrationTable | Batches | None = None,
    tune: int = 0,
    cache: bool = True,
    progress: Progress | None = None,
) -> Plan:
    """Compile MODEL to a plan.

    model: an ONNX file, its bytes, a ModelProto, or an .ir file of any level.
    target: 'sm_90a' and the like, 'host', or several; default: the GPU of this machine, else host.
    precision: 'fp32', 'tf32', 'fp16', 'bf16', 'int8', 'fp8' or a PrecisionPolicy, which has more to say.
    shapes: (min, opt, max) per symbolic dimension, such as {"N": (1, 8, 32)}.
    inputs: other shapes for inputs, such as {"data": ["N", 3, 224, 224]}.
    calibration: for int8 and fp8: a CalibrationTable, or batches as `calibrate` takes them.
    tune: for measured kernel choice, which is not there yet: anything but 0 raises UnsupportedError.
    cache: keep compiled kernels in the user's cache folder.
    progress: called with (stage, done, total).

    Raises ModelError, UnsupportedError, IRError, InputError, CalibrationError, CompileError; all are
    GlassErrors.
    """
    policy = as_policy(precision)
    if calibration is not None and not policy.quantizes:
        raise InputError(f"calibration is for int8 and fp8, not for {policy.name}")
    if calibration is not None and not isinstance(calibration, CalibrationTable):
        calibration = calibrate(model, calibration, inputs=inputs, shapes=shapes, progress=progress)
    if tune:
        raise UnsupportedError(
            "tuning is not there yet: kernels are chosen by the cost model", "leave tune at 0"
        )
    settings = Settings(
        targets=chosen_targets(target, present_target() if target is None else None),
        precision=policy,
        calibration=calibration,
        cache=KernelCache() if cache else None,
        progress=progress,
    )
    return build(model, settings, inputs, shapes).plan
