"""What users of trtexec, Polygraphy and ONNX Runtime type by habit, and how it is written here."""

from __future__ import annotations

import re
from typing import Any

# Their options, in small letters and without dashes between the words, and ours.
_OPTIONS = {
    "onnx": "the model itself, without an option: glassrt build MODEL -o PLAN",
    "model": "the model itself, without an option: glassrt build MODEL -o PLAN",
    "saveengine": "--output PLAN of `glassrt build`",
    "loadengine": "the plan itself, without an option: glassrt run PLAN, glassrt bench PLAN",
    "fp16": "--precision fp16",
    "bf16": "--precision bf16",
    "int8": "--precision int8 --calibration TABLE",
    "fp8": "--precision fp8 --calibration TABLE",
    "tf32": "--precision tf32",
    "notf32": "--precision fp32, which is the default",
    "best": "--precision auto --budget sqnr=DB --data DATA",
    "half": "--precision fp16",
    "shapes": "--shape N=8 for a symbolic dimension, or --input NAME=1,3,224,224",
    "minshapes": "--shape N=MIN,OPT,MAX for each symbolic dimension",
    "optshapes": "--shape N=MIN,OPT,MAX for each symbolic dimension",
    "maxshapes": "--shape N=MIN,OPT,MAX for each symbolic dimension",
    "trtminshapes": "--shape N=MIN,OPT,MAX for each symbolic dimension",
    "trtoptshapes": "--shape N=MIN,OPT,MAX for each symbolic dimension",
    "trtmaxshapes": "--shape N=MIN,OPT,MAX for each symbolic dimension",
    "inputshapes": "--input NAME=1,3,224,224, or --shape N=8 for a symbolic dimension",
    "calib": "--calibration TABLE, which also is what `glassrt calibrate --from-trt-cache CACHE` writes",
    "calibrationcache": "--calibration TABLE; `glassrt calibrate --from-trt-cache CACHE` makes one",
    "timingcachefile": "--lock FILE",
    "loadtimingcache": "--lock FILE",
    "savetimingcache": "--lock FILE",
    "builderoptimizationlevel": "--tune K, the number of candidates that are measured of every kernel",
    "inputioformats": "--io [NAME=]TYPE",
    "outputioformats": "--io [NAME=]TYPE",
    "layerprecisions": "--override node:NAME=FORMAT",
    "precisionconstraints": "--allow-fallback, without which a format is kept or the build fails",
    "plugins": "--ops FILE.py",
    "staticplugins": "--ops FILE.py",
    "iterations": "--repeats N of `glassrt bench`",
    "avgruns": "--repeats N of `glassrt bench`",
    "warmup": "--warmup N of `glassrt bench`, which counts runs, not milliseconds",
    "profilingverbosity": "nothing: plans hold all names, `glassrt inspect PLAN` shows them",
    "stronglytyped": "--precision fp32, which keeps the types that the model states",
    "skipinference": "`glassrt build`, which runs nothing",
    "nodatatransfers": "nothing: `glassrt bench` times runs with copies and without",
    "usespinwait": "nothing: the host waits for a run as it is",
    "sparsity": "nothing: no kernel skips zeros",
    "explicitbatch": "nothing: batches always are dimensions",
    "trtoutputs": "--keep NODE, which stores a node's result",
    "onnxoutputs": "--keep NODE, which stores a node's result",
    "saveoutputs": "--outputs Y.npz of `glassrt run`",
    "saveinputs": "--inputs X.npz, a file of your own",
    "dataloaderscript": "--inputs X.npz of `glassrt run`, and the data file of `glassrt calibrate`",
    "valrange": "--inputs X.npz, a file of your own",
    "rtol": "--tolerance T of `glassrt check`, a relative L2 error",
    "atol": "--tolerance T of `glassrt check`, a relative L2 error",
    "dumpprofile": "`glassrt bench PLAN`, which times every kernel",
    "separateprofilerun": "`glassrt bench PLAN`, which times every kernel apart from the runs",
    "exportprofile": "--json of `glassrt bench`",
    "exporttimes": "--json of `glassrt bench`",
    "dumplayerinfo": "`glassrt inspect PLAN`",
    "exportlayerinfo": "`glassrt inspect PLAN --json`",
    "loadinputs": "--inputs X.npz",
    "dumpoutput": "--outputs Y.npz of `glassrt run`",
    "exportoutput": "--outputs Y.npz of `glassrt run`",
    "memPoolSize".lower(): "nothing: memory is planned when the plan is built, `glassrt inspect` shows it",
    "workspace": "nothing: memory is planned when the plan is built, `glassrt inspect` shows it",
    "usecudagraph": "nothing: every run is one launch of a CUDA graph",
    "onnxrt": "nothing: `glassrt check` compares with ONNX Runtime where it is installed",
    "trt": "nothing: `glassrt run MODEL` builds and runs a model",
    "validate": "`glassrt check MODEL`",
    "dla": "nothing",
    "verbosity": "--log-level LEVEL",
}
# Their commands, and ours.
_COMMANDS = {
    "convert": "build",
    "compile": "build",
    "trtexec": "build, then bench",
    "profile": "bench",
    "time": "bench",
    "infer": "run",
    "debug": "check --bisect",
    "surgeon": "extract",
    "template": "opt",
    "show": "inspect",
    "validate": "check",
    "compare": "check",
    "why": "explain",
}
_UNKNOWN_COMMAND = re.compile(r"No such command '([^']*)'")


def ours(name: str) -> str | None:
    """How the option NAME of another tool, with or without its dashes, is written here; None where it is not
    known."""
    return _OPTIONS.get(name.partition("=")[0].lower().replace("-", "").replace("_", ""))


def add_hint(error: Any) -> None:
    """Let a usage ERROR about a spelling of another tool say how it is written here."""
    option = getattr(error, "option_name", None)
    if option is not None and (spelling := ours(option)) is not None:
        error.message = f"{error.message}; here it is {spelling}"
        error.possibilities = None
        return
    found = _UNKNOWN_COMMAND.match(error.message)
    if found is not None and found[1] in _COMMANDS:
        error.message = f"No such command '{found[1]}'; here it is `glassrt {_COMMANDS[found[1]]}`"
