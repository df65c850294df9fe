"""`glassrt inspect`: the contents of a plan."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import InputError
from . import lazy
from .option_texts import parse_sizes
from .options import AsJson, Level, PartFor, Sizes, Subject, Top
from .request import ON_THE_SPOT, BuildRequest, with_request

if TYPE_CHECKING:
    from ...runtime.plan import Plan

ShowLevel = Annotated[Level | None, typer.Option("--level", help="Print the IR text of this level.")]
ShowKernel = Annotated[
    str | None, typer.Option("--kernel", metavar="NAME", help="Print the CUDA source of this kernel.")
]


@with_request(ON_THE_SPOT | {"target"})
def inspect(
    subject: Subject,
    level: ShowLevel = None,
    kernel: ShowKernel = None,
    as_json: AsJson = False,
    top: Top = None,
    size: Sizes = None,
    part: PartFor = None,
    *,
    request: BuildRequest,
) -> None:
    """Show the contents of PLAN, or of the plan that MODEL builds to: levels, launches, memory, sizes."""
    if sum((level is not None, kernel is not None, as_json)) > 1:
        raise typer.BadParameter("give one of --level, --kernel and --json")
    sizes = parse_sizes(size)
    whole = lazy.open_plan(subject, request)
    plan = lazy.part_of(whole, part)
    if level is not None:
        lazy.write_text(plan.ir(level))
    elif kernel is not None:
        lazy.write_text(plan.sources[_kernel_named(kernel, plan)])
    else:
        lazy.tell(lazy.inspect_plan(whole, sizes, part), as_json, top)


def _kernel_named(text: str, plan: Plan) -> str:
    """The kernel called TEXT, or the only one whose name begins with it. Raises InputError for none."""
    begun = [name for name in plan.sources if name.startswith(text)]
    if text in plan.sources or len(begun) == 1:
        return text if text in plan.sources else begun[0]
    close = begun or difflib.get_close_matches(text, plan.sources, 5, 0.3) or list(plan.sources)[:5]
    raise InputError(f"there is no kernel {text}", f"there are {', '.join(close) or 'none'}")
