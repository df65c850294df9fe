"""`glassrt check --bisect`: the first decision of the compiler that breaks the outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..checking.bisect import Bisection, Trial, Trials, bisect, in_interpreter, on_device
from ..checking.check import Case
from ..checking.measures import network_bound, policy_roundoff
from ..checking.network import call_witness
from ..frontend.source import load_module
from .check_tables import short
from .console import number, out, print_table, printable, write_json
from .request import BuildRequest


def run_bisection(
    case: Case,
    request: BuildRequest,
    device: str | None,
    tolerance: float | None,
    interpret: bool,
    as_json: bool,
) -> bool:
    """Print the first decision that breaks the outputs; whether there is none."""
    settings = request.settings()
    witness = call_witness(case.source, case.module, case.inputs)
    bound = network_bound(policy_roundoff(request.policy)) if tolerance is None else tolerance
    trials = Trials(
        load=lambda: load_module(case.source, request.inputs, request.shapes),
        settings=settings,
        inputs=case.inputs,
        wanted=witness.outputs,
        execute=in_interpreter if interpret else on_device(settings, device),
    )
    found = bisect(trials, bound)
    facts = _facts(found, witness.name, bound)
    if as_json:
        write_json(facts)
    else:
        _tell(found, facts)
    return found.culprit is None


def _facts(found: Bisection, witness: str, tolerance: float) -> dict[str, Any]:
    return {
        "ok": found.culprit is None,
        "witness": witness,
        "tolerance": tolerance,
        "trials": found.trials,
        "culprit": found.culprit,
        "decisions": [record.to_json() for record in found.records],
        "error_before": number(found.before.error),
        "problem_before": found.before.problem or found.before.misshapen,
        "error_after": number(found.after.error),
        "problem_after": found.after.problem or found.after.misshapen,
    }


def _tell(found: Bisection, facts: Mapping[str, Any]) -> None:
    console = out()

    def line(text: str) -> None:
        console.print(printable(text), soft_wrap=True)

    bound = f"{short(facts['tolerance'])} allowed, against {facts['witness']}"
    if found.culprit is None:
        line(f"no decision breaks the model: error {short(found.after.error)}, {bound}")
        return
    if found.culprit == 0:
        line(f"broken before any decision: {_outcome(found.after)}, {bound}")
        return
    line(f"decision {found.culprit} breaks the model ({found.trials} builds tried, {bound})")
    line(f"without it: {_outcome(found.before)}")
    line(f"with it:    {_outcome(found.after)}")
    rows = [(r.rule, ", ".join(r.ops), ", ".join(r.nodes), r.reason) for r in found.records]
    if rows:
        print_table("what it did", ("rule", "ops", "nodes", "reason"), rows)


def _outcome(trial: Trial) -> str:
    if trial.problem:
        return f"the build fails: {trial.problem}"
    return trial.misshapen or f"error {short(trial.error)}"
