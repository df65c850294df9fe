"""`glassrt.write_reproducer`: a folder that shows what a model does here, without GlassRT."""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...runtime.dtypes import numpy_dtype
from ...runtime.plan import LEVELS, Plan
from ...runtime.program import Program, resolve
from ...runtime.whole_files import WholeFolder, content
from ...templates import reproducer as texts
from ..checking.check import storage_roundoff
from ..checking.measures import network_bound
from ..checking.network import call_witness
from ..driver.build import Settings, build, chosen_targets, present_arch
from ..files.arrays import Array, write_arrays
from ..files.inputs import fitting, of_function, symbols_of
from ..frontend.source import Shapes, Source, load_module
from ..report.expected import all_inputs, sizes_of
from ..report.modules import launch_module
from ..settings.policy import PrecisionPolicy, as_policy
from .one_source import one_source
from .program_text import program_text

HOST_FLAGS = "-std=c++17 -O1 -DGLASS_HOST -fno-strict-aliasing -fwrapv -ffp-contract=off -w -pthread"
PROGRAM = "program.inc"  # the tables of the driver, by which a reproducer is known
DRIVER = ("driver.cpp", "driver_host.hpp", "driver_cuda.hpp")

_README = """\
What one model does, built and run on one input, without GlassRT.

    sh build_host.sh && ./repro_host     kernels as C++ on this machine's processor, every access checked
    sh build_cuda.sh && ./repro_cuda     kernels on a GPU{targets}

Both compare the outputs with expected_*.bin, which {witness} computed, and exit with 1 where one is beyond
its bound.

kernels.cu      every kernel, with the intrinsics that it uses
program.inc     buffers, launches, arguments, and the order of the launches
driver.cpp      runs them; driver_host.hpp and driver_cuda.hpp are about the devices
*.ir            the model at every level of the IR
inputs.npz      the inputs by name; input_*.bin and weights.bin are what the driver reads
cubins/         machine code as it is in the plan; `./repro_cuda other.cubin` takes all kernels from another
                file, such as nvcc -std=c++17 -arch=sm_XX -cubin makes of kernels.cu
"""
_BUILD_HOST = f"set -e\n${{CXX:-g++}} {HOST_FLAGS} driver.cpp -x c++ kernels.cu -o repro_host -lm\n"
_BUILD_CUDA = (
    "set -e\n${CXX:-g++} -std=c++17 -O1 -I${CUDA_HOME:-/usr/local/cuda}/include driver.cpp "
    "-o repro_cuda -lcuda\n"
)


def write_reproducer(
    folder: str | os.PathLike[str],
    model: Source,
    inputs: Mapping[str, Array],
    *,
    precision: str | PrecisionPolicy = "fp32",
    target: str | None = None,
    shapes: Shapes | None = None,
) -> None:
    """Compile MODEL, and write its plan, made for the sizes of INPUTS, to FOLDER: kernels as one .cu, a
    driver that g++ compiles and that needs no GlassRT, data, the expected outputs, and the IR.

    precision, target, shapes: as of `compile`, whose errors are raised; InputError, too, for inputs that do
    not fit, where the outputs have shapes that only a run knows, and for a FOLDER that holds other files.
    """
    targets = chosen_targets(target, present_arch() if target is None else None)
    write_built(
        Path(folder), model, inputs, Settings(targets=targets, precision=as_policy(precision)), shapes
    )


def write_built(
    folder: Path,
    source: Source,
    inputs: Mapping[str, Array],
    settings: Settings,
    shapes: Shapes | None = None,
    tolerance: float | None = None,
) -> None:
    """As `write_reproducer`, with SETTINGS; of a plan with several parts, the first is written. TOLERANCE
    replaces the bound on the relative error of outputs."""
    check_folder(folder)
    module = load_module(source, shapes=shapes)
    inputs = fitting(inputs, of_function(module.main, symbols_of(module, {})), "what is given")
    witness = call_witness(source, module, inputs)
    plan = build(module, settings).plan.parts[0]
    witness = witness.of(launch_module(plan), inputs)
    for cut in plan.spec.cuts:
        text = f"the output '{cut.output}' has a size that depends on data, which the driver would not know"
        raise InputError(text, "cut the model before it, with `glassrt extract`")
    program = resolve(plan.spec, sizes_of(plan, inputs))
    target = plan.spec.targets[0] if plan.spec.targets else ""
    taken = all_inputs(plan, inputs)
    given = {tensor.name: _bytes(taken[tensor.name], tensor.dtype) for tensor in program.inputs}
    expected = [_bytes(witness.outputs[tensor.name], tensor.dtype) for tensor in program.outputs]
    files: dict[str, bytes] = {name: _text_of(name).encode() for name in DRIVER}
    files |= {f"{level}.ir": plan.levels[level].encode() for level in LEVELS}
    files |= {f"input_{at}.bin": data for at, data in enumerate(given.values())}
    files |= {f"expected_{at}.bin": data for at, data in enumerate(expected)}
    files["weights.bin"] = bytes(plan.weights)
    files["kernels.cu"] = one_source(_sources(plan, program), plan.headers).encode()
    places = {name: f"cubins/{plan.spec.kernels[name].module}.cubin" for name in plan.spec.kernels if target}
    bound = network_bound(storage_roundoff(plan)) if tolerance is None else tolerance
    files[PROGRAM] = program_text(program, plan.spec, places, bound, target).encode()
    targets = f", an {target}" if target else "; the plan was built without machine code, so give some"
    files["README"] = _README.format(targets=targets, witness=witness.name).encode()
    files |= {"build_host.sh": _BUILD_HOST.encode(), "build_cuda.sh": _BUILD_CUDA.encode()}
    files |= {f"cubins/{name}.cubin": code for name, code in plan.cubins.get(target, {}).items()}
    _write(folder, files)
    write_arrays(folder / "inputs.npz", {name: np.asarray(taken[name]) for name in given})


def check_folder(folder: Path) -> None:
    """Raise InputError where FOLDER holds files that a reproducer would be written among, or over."""
    if not folder.is_dir() or (folder / PROGRAM).is_file() or next(folder.iterdir(), None) is None:
        return
    raise InputError(f"{folder} holds other files than a reproducer", "give a new folder, or an empty one")


def _sources(plan: Plan, program: Program) -> dict[str, str]:
    """The sources of the kernels that are launched, by the names of their functions."""
    names = dict.fromkeys(launch.kernel for launch in program.launches)
    return {plan.spec.kernels[name].entry: plan.sources[name] for name in names}


def _bytes(array: object, dtype: str) -> bytes:
    return np.ascontiguousarray(array).astype(numpy_dtype(dtype), copy=False).tobytes()


def _text_of(name: str) -> str:
    return importlib.resources.files(texts).joinpath(name).read_text("utf-8")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    whole = WholeFolder(folder)
    for name, data in files.items():
        whole.write(name, content(data))
