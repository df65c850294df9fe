"""Words and defaults of what a user may ask for. They load nothing, so that help on them need not wait."""

from __future__ import annotations

AUTO = "auto"  # the precision that is searched for
EVERY = "*"  # in place of the name of an input or output: all of them
BASE = "fp16"  # the format of ops that do not run in eight bits there
HOST = "host"  # the target without a GPU
INTERPRET = "interpret"  # the device that is no device: numpy
REDUCTION_TRIALS = 500  # models that a reduction tries, unless the user says otherwise
TUNING_SECONDS = 120.0  # that tuning may take, unless the user says otherwise
CALIBRATOR_NAMES = (
    "entropy", "percentile", "percentile-99.9", "percentile-99.999", "min-max", "mse", "mse-fp8",
)  # fmt: skip
