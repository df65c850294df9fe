"""Options that several commands share: each the type of a parameter, with its name and help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .outputs import Dumped


class Level(StrEnum):
    """The four levels of the IR."""

    GRAPH = "graph"
    FUSED = "fused"
    PRECISION = "precision"
    LAUNCH = "launch"


class Check(StrEnum):
    """What is checked after every pass."""

    IR = "ir"
    SEMANTICS = "semantics"


class LogName(StrEnum):
    """The levels of debug output, by the names that `GLASSRT_DEBUG` has for them."""

    SILENT = "silent"
    STAGES = "stages"
    PASSES = "passes"
    KERNELS = "kernels"
    SOURCES = "sources"
    IR = "ir"
    REWRITES = "rewrites"


Model = Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX model, or an .ir file of any level.")]
OnnxModel = Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX model.")]
PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan.")]
Subject = Annotated[
    Path,
    typer.Argument(metavar="PLAN|MODEL", help="A plan, or what one is built from: an ONNX model or .ir."),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        metavar="sm_XX[:CARD]|host",
        help="The target to build for; repeatable. Default: this machine's GPU, else host.",
    ),
]
PartFor = Annotated[
    str | None,
    typer.Option(
        "--part",
        metavar="sm_XX",
        help="Of a plan for several targets, show the part for this target. Default: the first.",
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        "-p",
        metavar="FORMAT",
        help="The number format: fp32, tf32, fp16, bf16, int8, fp8; for `build` also auto.",
    ),
]
Calibration = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        metavar="TABLE",
        help="The calibration table with the scales for int8 and fp8, from `glassrt calibrate`.",
    ),
]
FormatOverrides = Annotated[
    list[str] | None,
    typer.Option(
        "--override",
        metavar="op:NAME=FORMAT|node:PATTERN=FORMAT",
        help="Override the format of a kind of op, or of ONNX nodes; repeatable, the last match counts.",
    ),
]
IoTypes = Annotated[
    list[str] | None,
    typer.Option(
        "--io",
        metavar="[NAME=]TYPE",
        help="The type of all float inputs and outputs, or of one; repeatable. Default: the model's own.",
    ),
]
AllowFallback = Annotated[
    bool,
    typer.Option(
        "--allow-fallback",
        help="Let kernels fall back to another precision, and a search miss its budget; both are recorded.",
    ),
]
ShapeTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--shape",
        metavar="N=MIN,OPT,MAX",
        help="The range of a symbolic dimension; repeatable. N=8 fixes it. Default: 0,8,64, narrowed to what "
        "the model allows (`inspect` shows it).",
    ),
]
InputTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="NAME=D0,D1,...",
        help='Override the shape of an input, as in "data=N,3,2*h,2*w"; repeatable.',
    ),
]
DisabledRules = Annotated[
    list[str] | None,
    typer.Option("--disable-rule", metavar="RULE", help="Do not apply this rule of the ledger; repeatable."),
]
UnfusedPairs = Annotated[
    list[str] | None,
    typer.Option(
        "--nofuse", metavar="A:B", help="Keep two ONNX nodes, or tensors, in different kernels; repeatable."
    ),
]
KeptNodes = Annotated[
    list[str] | None,
    typer.Option(
        "--keep", metavar="A", help="Store this tensor, or the results of this node, in memory; repeatable."
    ),
]
InPlace = Annotated[
    list[str] | None,
    typer.Option(
        "--in-place", metavar="OUT=IN", help="Write this output in the memory of this input; repeatable."
    ),
]
UnpaddedMask = Annotated[
    str | None,
    typer.Option(
        "--unpadded", metavar="MASK", help="Leave out the padding that this input, 1 for a token, says."
    ),
]
OpsFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--ops",
        metavar="FILE.py",
        exists=True,
        dir_okay=False,
        help="A Python file of custom ops, which is executed; repeatable.",
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Compile every kernel; ignore the kernel cache.")]
Sizes = Annotated[
    list[str] | None,
    typer.Option(
        "--size", metavar="N=8", help="The value of a symbolic dimension; repeatable. Default: OPT."
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        "-d",
        help="cuda, cuda:N or host. Default: cuda if it can run the plan, else numpy; for bench, host.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The seed of random inputs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Top = Annotated[
    int | None,
    typer.Option(
        "--top", metavar="N", min=1, help="Print the first N rows of each table. Default: all, for diff 6."
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print no notes and no progress, only results and errors.")
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose", "-v", count=True, metavar="", help="Say more on stderr; repeatable, see --log-level."
    ),
]
LogLevel = Annotated[
    LogName | None,
    typer.Option("--log-level", help="What is said on stderr; each level adds to the one before."),
]
DumpDir = Annotated[
    Path | None,
    typer.Option(
        "--dump-dir", file_okay=False, help="Write the IR after every pass, and every kernel, to this folder."
    ),
    Dumped(frozenset({".ir", ".weights"})),
]
PrintIr = Annotated[
    bool, typer.Option("--print-ir-after-all", help="Print the IR after every pass, to stderr.")
]
VerifyEach = Annotated[
    Check,
    typer.Option(
        "--verify-each",
        help="After every pass, verify the IR's rules (ir), or also what it computes (semantics).",
    ),
]

Streams = Annotated[
    int,
    typer.Option(
        "--streams",
        metavar="N",
        min=0,
        help="Spread independent launches over N streams; 0: as many as should save time.",
    ),
]
