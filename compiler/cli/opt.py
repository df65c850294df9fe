"""`glassrt opt`: parse, verify, run passes, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...codegen.arch.spec import ArchSpec
from ...codegen.sources import sources_of
from ...dialects.core.ir import Module
from ...dialects.core.printer import print_module
from ...dialects.core.resources import ResourceTable
from ...dialects.core.verifier import verify
from ...dialects.launch import Kernel
from ...runtime.whole_files import WholeFiles, content
from ..driver.interface import check_overrides
from ..driver.pipeline import all_passes
from ..frontend.source import WEIGHTS_SUFFIX, level_of, load_module
from ..memory.proofs.check_launch import check_launch
from ..passes.levels import ALL_DIALECTS
from ..passes.manager import Pass, PassContext, PassManager, parse_pipeline
from ..passes.origins import origins_of
from .console import say, write_text
from .files import check_output
from .modules import passes_between
from .options import (
    AllowFallback,
    Check,
    DisabledRules,
    DumpDir,
    FormatOverrides,
    InputTexts,
    Level,
    Model,
    Precision,
    PrintIr,
    Request,
    ShapeTexts,
    Targets,
    VerifyEach,
)

Passes = Annotated[
    str | None, typer.Option("--passes", metavar="A,B,...", help="The passes to run, as canonicalize,dce.")
]
ToLevel = Annotated[Level | None, typer.Option("--level", help="Run the passes that lead to this level.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE.ir", help="Write here, with the weights beside it; not to stdout."
    ),
]


def opt(
    model: Model,
    passes: Passes = None,
    level: ToLevel = None,
    output: Output = None,
    target: Targets = None,
    precision: Precision = "fp32",
    override: FormatOverrides = None,
    allow_fallback: AllowFallback = False,
    shape: ShapeTexts = None,
    input: InputTexts = None,
    disable_rule: DisabledRules = None,
    dump_dir: DumpDir = None,
    print_ir_after_all: PrintIr = False,
    verify_each: VerifyEach = Check.IR,
) -> None:
    """Parse and verify MODEL, run passes if any are asked for, and print the result as IR text.

    Text of the launch level is held to more: that it uses memory rightly, and that the grid, the block and
    the scratch of every launch that has a configuration are those that its kernel wants.
    """
    if passes is not None and level is not None:
        raise typer.BadParameter("give either --passes or --level", param_hint="--passes")
    if output is not None:
        check_output(output, "--output")
    request = Request.parse(target, precision, shape, input, disable_rule)
    request = request.refined(override, None, allow_fallback)
    settings = request.settings()
    module = load_module(model, request.inputs, request.shapes)
    verify(module, ALL_DIALECTS)
    if len(settings.targets) > 1:
        raise typer.BadParameter("a module is lowered for one target", param_hint="--target")
    planned = settings.planned[0]
    _check_launches(module, planned)
    check_overrides(settings.precision, origins_of(module), level_of(module))
    context = PassContext(ALL_DIALECTS, policy=settings.precision, disabled=settings.disabled, log=say)
    steps = _steps(module, passes, level, planned)
    manager = PassManager(steps, context, say if print_ir_after_all else None, dump_dir, verify_each.value)
    module = manager.run(module)
    if steps:
        _check_memory(module)
    if output is None:
        write_text(print_module(module))
    else:
        _save(module, output)


def _check_launches(module: Module, target: ArchSpec) -> None:
    """IRError unless a launch-level MODULE uses its memory rightly and launches its kernels as they want
    on TARGET; nothing else says so of edited text."""
    _check_memory(module)
    if level_of(module) == "launch":
        launches = (op for op in module.main.block if isinstance(op, Kernel))
        sources_of((op for op in launches if op.config), module, target)


def _check_memory(module: Module) -> None:
    if level_of(module) == "launch":
        check_launch(module)


def _steps(module: Module, passes: str | None, level: Level | None, target: ArchSpec) -> list[Pass]:
    if level is not None:
        return passes_between(module, level, target)
    return parse_pipeline(passes or "", all_passes(target))


def _save(module: Module, output: Path) -> None:
    """The text at OUTPUT, and the weights that it names beside it."""
    weights = _named_weights(module)
    with WholeFiles() as files:
        if len(weights):
            files.write(output.with_suffix(WEIGHTS_SUFFIX), weights.write)
        files.write(output, content(print_module(module).encode()))


def _named_weights(module: Module) -> ResourceTable:
    """The module's resources, without those that no op names any more."""
    kept = ResourceTable()
    for op in module.walk():
        for value in op.attributes.values():
            if isinstance(value, str) and value in module.resources:
                kept.add(module.resources[value])
    return kept
