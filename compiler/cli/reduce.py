"""`glassrt reduce`: the smallest model that still shows a fault."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..files.kinds import ARRAYS, MODEL
from ..reduction.api import Search, fault_of, feeds_of, inputs_beside, save, searched
from ..reduction.candidate import TrialModel
from ..reduction.measured import Asked
from ..reduction.reduce import TRIALS
from ..reproducer.write import SUFFIXES, write_built
from ..surgery.extract import whole_model
from .check import Inputs, Tolerance
from .console import err, out, say, show, write_json
from .option_texts import parse_sizes
from .options import AsJson, Device, OnnxModel, Seed, Sizes
from .outputs import Dumped, Written
from .request import ON_THE_SPOT, BuildRequest, with_request

Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="SMALL.onnx",
        help="The file for the small model, which is written whenever a smaller one is found; its inputs are "
        "written beside it, as .npz.",
    ),
    Written(MODEL, beside=(inputs_beside, ARRAYS)),
]
Fails = Annotated[
    str | None,
    typer.Option(
        "--fails",
        metavar="COMMAND",
        help="A shell command that fails: {model} stands for the path of a model, {inputs} for that of its "
        "inputs. A smaller model has to make it exit with the same code.",
    ),
]
Says = Annotated[
    str, typer.Option("--says", metavar="REGEX", help="What the command's output has to match, too.")
]
Hangs = Annotated[bool, typer.Option("--hangs", help="The fault is that the command exceeds --limit.")]
Limit = Annotated[
    float | None,
    typer.Option(
        "--limit",
        metavar="S",
        min=0.01,
        help="Seconds after which a model is given up. Default: 5 times those of the whole, at least 10.",
    ),
]
Wrong = Annotated[
    bool, typer.Option("--wrong", help="The fault is what `check` finds: results beyond their bounds.")
]
Slow = Annotated[
    float | None,
    typer.Option(
        "--slow",
        metavar="RATIO",
        min=0.0,
        help="The fault is a time on the device of at least RATIO times what the cost model expects.",
    ),
]
Most = Annotated[int, typer.Option("--trials", min=1, help="The most models that are tried.")]
Seconds = Annotated[
    float | None, typer.Option("--seconds", metavar="S", help="The most seconds that all may take.")
]
Reproducer = Annotated[
    Path | None,
    typer.Option(
        "--reproducer",
        metavar="FOLDER",
        file_okay=False,
        help="Write the plan of the small model there, too, as one .cu with a driver that needs no GlassRT.",
    ),
    Dumped(SUFFIXES),
]


@with_request(ON_THE_SPOT | {"target"})
def reduce(
    model: OnnxModel,
    output: Output,
    fails: Fails = None,
    wrong: Wrong = False,
    slow: Slow = None,
    says: Says = "",
    hangs: Hangs = False,
    limit: Limit = None,
    inputs: Inputs = None,
    size: Sizes = None,
    seed: Seed = 0,
    device: Device = None,
    tolerance: Tolerance = None,
    trials: Most = TRIALS,
    seconds: Seconds = None,
    reproducer: Reproducer = None,
    as_json: AsJson = False,
    *,
    request: BuildRequest,
) -> None:
    """Write the smallest model that still shows a fault of MODEL: --fails, --wrong or --slow.

    Nodes, outputs, sizes and weights are taken away or made simple as long as the fault is there, by delta
    debugging. MODEL is only read.
    """
    if (fails is not None) + wrong + (slow is not None) != 1:
        raise typer.BadParameter("give one of --fails, --wrong and --slow", param_hint="--fails")
    settings = request.settings()
    asked = Asked(settings, request.shapes, device, tolerance, slow)
    proto = whole_model(model)
    feeds = feeds_of(proto, inputs, request.shapes, parse_sizes(size), seed)
    with _Progress() as progress:
        search = Search(trials, seconds, lambda m, f: save(output, m, f), progress.tell)
        found = searched(proto, feeds, fault_of(fails, asked, says, hangs, limit), search)
    save(output, found.model, found.inputs)
    if as_json:
        write_json({"model": str(output), **found.to_json()})
    else:
        show(found)
        out().print(f"{output}, with its inputs in {inputs_beside(output).name}", soft_wrap=True)
    if reproducer is not None:  # last: GlassRT may not be able to build what fails elsewhere
        write_built(reproducer, found.model, found.inputs, settings, request.shapes)


class _Progress:
    """A line on stderr for every smaller model; on a terminal, one that says what is tried, too."""

    def __init__(self) -> None:
        self._console = err()
        self._status = self._console.status("the whole model") if self._console.is_terminal else None
        self._smallest: TrialModel | None = None

    def __enter__(self) -> _Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, stage: str, tried: int, best: TrialModel) -> None:
        """Say that so many models were TRIED, now with less of STAGE, and which is the smallest."""
        if best is not self._smallest and self._smallest is not None:
            say(f"{tried} tried, fewer {stage}: {best.size()}")
        self._smallest = best
        if self._status is not None:
            self._status.update(f"{tried} tried, now {stage}: {best.size()}")
