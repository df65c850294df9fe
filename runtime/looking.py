"""What a plan tells about itself with the compiler's help, which is loaded when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors.absent import load_part

if TYPE_CHECKING:
    from ..compiler.report.explanation import PlanSummary
    from ..compiler.report.inspection import Inspection
    from ..compiler.report.nodes import NodeAnswer
    from ..compiler.report.pair_answer import PairAnswer


class SelfDescribing:
    """A plan that can be asked what is in it and why. Running plans needs none of this."""

    def inspect(self, *, sizes: Mapping[str, int] | None = None, part: str | None = None) -> Inspection:
        """Levels, launches, memory and sizes, as tables; with `save_html`, as a page for a browser.

        sizes: values of symbolic dimensions to show it at, such as {"N": 8}; default: their optima. part: of
        a plan for several targets, the one to show; default: the first.

        Raises InputError for sizes that do not fit, PlanError for a part that does not exist, MissingError
        where the compiler is not installed.
        """
        found: Inspection = _report("inspection").inspect_plan(self, sizes, part)
        return found

    def explain(
        self, a: str | None = None, b: str | None = None, *, part: str | None = None
    ) -> PlanSummary | NodeAnswer | PairAnswer:
        """What the compiler decided: overall, about the node A, or about the nodes A and B and why they share
        a kernel or do not.

        a, b: names of ONNX nodes or tensors; part: as for `inspect`. Raises InputError for a name that the
        model does not have, and as `inspect`.
        """
        found: PlanSummary | NodeAnswer | PairAnswer = _report("explanation").explain_plan(self, a, b, part)
        return found


def _report(module: str) -> Any:
    return load_part(f"..compiler.report.{module}", __package__)
