"""`glassrt.reduce`: the smallest model that still shows a fault."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, helper

from ...errors import GlassError, InputError
from ...runtime.whole_files import content, write_whole
from ..driver.build import Settings, chosen_targets, present_arch
from ..files.arrays import read_arrays, write_arrays
from ..files.beside import inputs_beside
from ..files.inputs import fitting, of_function, random_arrays, symbols_of
from ..frontend.reading import Source
from ..frontend.source import Shapes, load_module
from ..report.presented import Block, Report
from ..settings.names import HOST, REDUCTION_TRIALS
from ..settings.policy import PrecisionPolicy, as_policy
from ..surgery.extract import whole_model
from .candidate import Array, Faulty, Feeds, TrialModel
from .command import CommandFault
from .measured import LIMIT_SECONDS, Asked, MeasuredFault
from .reduce import Reduced, Told, reduced

USUAL_SIZE = 2  # of a dimension with a name, where GlassRT cannot import the model


@dataclass(frozen=True, repr=False)
class Reduction(Report):
    """A reduced model with the inputs on which it shows the fault; `begun` is the model that it began with.

    steps: smaller models that were kept, of the `trials`; done: whether no smaller one was left to try.
    """

    model: ModelProto
    inputs: Feeds
    begun: TrialModel
    steps: int
    trials: int
    done: bool

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to PATH, and its inputs beside it, with the suffix .npz."""
        save(Path(path), self.model, self.inputs)

    def to_json(self) -> dict[str, Any]:
        """Sizes before and after, and what it took."""
        return {
            "before": _sizes(self.begun),
            "after": _sizes(TrialModel(self.model, self.inputs)),
            "ops": [node.op_type for node in self.model.graph.node],
            "steps": self.steps,
            "trials": self.trials,
            "done": self.done,
        }

    def blocks(self) -> Iterable[Block]:
        """Sizes, and the nodes that are left."""
        yield f"before: {self.begun.size()}"
        yield f"after:  {TrialModel(self.model, self.inputs).size()}"
        ops = ", ".join(node.op_type for node in self.model.graph.node[:20])
        yield f"nodes:  {ops}{', ...' if len(self.model.graph.node) > 20 else ''}"
        end = "" if self.done else "; it may become smaller with more trials"
        yield f"{self.trials} models tried, {self.steps} kept{end}"


def _sizes(found: TrialModel) -> dict[str, int]:
    graph = found.model.graph
    counts = {"nodes": found.nodes, "inputs": len(graph.input), "outputs": len(graph.output)}
    return counts | {"numbers": found.elements, "bytes": found.model.ByteSize()}


@dataclass(frozen=True)
class Search:
    """How long a reduction may take, and who is told of it.

    kept: called with every smaller model that shows the fault; told: after every trial.
    """

    trials: int = REDUCTION_TRIALS
    seconds: float | None = None
    kept: Callable[[ModelProto, Feeds], object] = lambda *_: None
    told: Told = lambda *_: None


def reduce(
    model: Source,
    *,
    fails: str | Faulty | None = None,
    wrong: bool = False,
    slow: float | None = None,
    inputs: Mapping[str, Array] | str | os.PathLike[str] | None = None,
    says: str = "",
    hangs: bool = False,
    limit: float | None = None,
    precision: str | PrecisionPolicy = "fp32",
    target: str | list[str] | None = None,
    shapes: Shapes | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    device: str | None = None,
    tolerance: float | None = None,
    trials: int = REDUCTION_TRIALS,
    seconds: float | None = None,
) -> Reduction:
    """The smallest model that was found to show a fault of MODEL, a path, bytes or a ModelProto of ONNX.

    The fault is one of these. fails: a command that fails, in which `{model}` stands for the path of the
    model and `{inputs}` for that of its inputs (.npz), and which has to end with the same exit code and, with
    says, to write what this regular expression matches, or with hangs has to take more than limit seconds; or
    a function of a ModelProto and its inputs. wrong: outputs, or launches, beyond the bounds of `check`, or
    beyond the tolerance. slow: a time on the device of so many times what the cost model expects.

    inputs: arrays by name, or an .npz file; without, random ones by seed, at these sizes of the symbols.
    precision, target, shapes: as of `compile`, for wrong and slow. trials, seconds: how many models are
    tried, and how long, at most. limit: seconds that one may take.

    Nothing is written but temporary files. Raises InputError where MODEL does not show the fault, ModelError
    where it cannot be read.
    """
    given = [fails is not None, wrong, slow is not None]
    if sum(given) != 1:
        raise InputError(
            "one fault is needed", 'such as fails="python test.py {model}", wrong=True or slow=3'
        )
    targets = chosen_targets(target, present_arch() if target is None else None)
    settings = Settings(targets=targets, precision=as_policy(precision))
    asked = Asked(settings, dict(shapes or {}), device, tolerance, slow)
    fault = fault_of(fails, asked, says, hangs, limit)
    proto = whole_model(model)
    feeds = feeds_of(proto, inputs, shapes, sizes, seed)
    return searched(proto, feeds, fault, Search(trials, seconds))


Fault = CommandFault | MeasuredFault | Faulty


def fault_of(fails: str | Faulty | None, asked: Asked, says: str, hangs: bool, limit: float | None) -> Fault:
    """The fault that these describe; ASKED where no command or function is given."""
    if isinstance(fails, str):
        return CommandFault(fails, says, limit, hangs)
    where = asked.device or ("cuda" if present_arch() is not None else HOST)
    if fails is None and asked.ratio is not None and not where.startswith("cuda"):
        text = f"nothing says how long a model should take on '{where}': the cost model is of GPUs"
        raise InputError(text, "look for what is slow on a machine with a GPU")
    return fails or MeasuredFault(asked, limit or LIMIT_SECONDS)


def searched(model: ModelProto, feeds: Feeds, fault: Fault, search: Search) -> Reduction:
    """The smallest model that SEARCH finds to show FAULT. Raises InputError where MODEL does not show it."""
    begun = TrialModel(model, feeds)
    own = fault if isinstance(fault, CommandFault | MeasuredFault) else None
    ends: AbstractContextManager[object] = nullcontext() if own is None else closing(own)
    with ends:
        if own is not None:
            own.begin(model, feeds)
        elif not fault(model, feeds):
            raise InputError("the model does not show the fault")

        def kept(candidate: ModelProto, inputs: Feeds) -> bool:
            shows = fault(candidate, inputs)
            if shows:
                search.kept(candidate, inputs)
            return shows

        found: Reduced = reduced(model, feeds, kept, search.trials, search.seconds, search.told)
    return Reduction(found.model, found.feeds, begun, found.steps, found.trials, found.done)


def save(path: Path, model: ModelProto, inputs: Feeds) -> None:
    """Write MODEL to PATH, and INPUTS beside it."""
    write_whole(path, content(model.SerializeToString()))
    write_arrays(inputs_beside(path), dict(inputs))


# ---------------------------------------------------------------- inputs


def feeds_of(
    model: ModelProto,
    given: Mapping[str, Array] | str | os.PathLike[str] | None,
    shapes: Shapes | None,
    sizes: Mapping[str, int] | None,
    seed: int,
    mask: str | None = None,
) -> dict[str, Array]:
    """The inputs of MODEL: those GIVEN, or random ones at SIZES, of which MASK says which tokens are there.
    Raises InputError for ones that lack."""
    needed = [v for v in model.graph.input if v.name not in {t.name for t in model.graph.initializer}]
    if given is not None:
        arrays = dict(given) if isinstance(given, Mapping) else read_arrays(Path(given))
        lacking = [value.name for value in needed if value.name not in arrays]
        if lacking:
            raise InputError(
                f"there is no array for the input '{lacking[0]}'", f"there are {', '.join(arrays)}"
            )
        names = {value.name for value in model.graph.input}
        return {name: np.asarray(array) for name, array in arrays.items() if name in names}
    try:
        module = load_module(model, shapes=shapes)
        wanted = of_function(module.main, symbols_of(module, sizes or {}))
        found = random_arrays([each for each in wanted if not each.optional], seed, mask)
        return fitting(found, [each for each in wanted if not each.optional], "the model")
    except InputError:
        raise
    except GlassError:  # that it cannot be imported may be the fault
        return _declared_arrays(needed, sizes or {}, seed)


def _declared_arrays(values: Iterable[Any], sizes: Mapping[str, int], seed: int) -> dict[str, Array]:
    """Random arrays of the types and shapes that VALUES declare."""
    generator = np.random.default_rng(seed)
    found: dict[str, Array] = {}
    for value in values:
        tensor = value.type.tensor_type
        shape = [d.dim_value or sizes.get(d.dim_param, USUAL_SIZE) for d in tensor.shape.dim]
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        floats = dtype.kind in "fV"
        drawn = generator.standard_normal(shape) if floats else generator.integers(0, 2, shape)
        found[value.name] = np.asarray(drawn).astype(dtype)
    return found
