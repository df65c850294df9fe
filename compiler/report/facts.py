"""Facts of a plan about the nodes of its model: where each runs, and the ledger records about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ...dialects.core.module import Module
from ...dialects.core.parser import parse_module
from ...dialects.launch import Kernel, kernels_in
from ...dialects.precision import PrecisionKernel
from ...errors import IRError, PlanError
from ...runtime.plan import Plan
from ..driver.rules import RULES
from ..fusion.widen_concats import WidenConcats
from ..kernels.members import Member, members_of, nodes_by_launch, op_nodes
from ..passes.ledger import Ledger, Origin, Record, Verdict
from ..passes.levels import ALL_DIALECTS
from ..passes.origins import NodeNames
from ..precision.formats.image_reads import IMAGE_AS_STORED
from ..precision.formats.placement import STORE_CONVERSION
from ..precision.formats.rounding import LOAD_CONVERSION
from ..schedule.grouping.record import GROUP_LAUNCHES
from ..schedule.streams.assign import CONCURRENCY

# Records of layout and type conversions name the nodes of the kernel whose result is converted, by a copy
# kernel or while it is stored or loaded; they are about none of these nodes.
COPIES = "storage-conversion"
OF_NO_NODE = (COPIES, IMAGE_AS_STORED, LOAD_CONVERSION, STORE_CONVERSION)
# Rules that replace ops by others, and rules about independent launches.
REWRITES = frozenset(rule.name for rule in RULES.values() if rule.level == "graph") | {WidenConcats.name}
BESIDE = (GROUP_LAUNCHES, CONCURRENCY)


@dataclass(frozen=True)
class Launch:
    """A launch: the nodes of each of its ops (`groups`), and its kernels (`members`).

    Several nodes of one op were merged by a rewrite. A grouped launch has several members.
    """

    index: int
    op: Kernel
    groups: tuple[tuple[str, ...], ...]
    members: tuple[Member, ...]

    def with_nodes(self, *nodes: str) -> list[int]:
        """The indices of the members that compute all of NODES."""
        return [at for at, member in enumerate(self.members) if set(nodes) <= set(member.nodes)]

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(node for group in self.groups for node in group))


class Facts:
    """The ledger, the launches and the nodes of one plan."""

    def __init__(self, ledger: Ledger, module: Module, precision: Module | None = None) -> None:
        self.origins: dict[str, Origin] = {origin.node: origin for origin in ledger.origins}
        self.records = list(ledger)
        self._names = NodeNames(ledger.origins, module.main.inputs)
        self.launches = _launches(module)
        self._precision = precision

    @classmethod
    def of(cls, plan: Plan) -> Facts:
        """The facts of PLAN. Raises PlanError when its IR texts or its ledger cannot be read."""
        try:
            ledger = Ledger.from_json(plan.ledger)
            # A plan built from launch-level text has no levels above it.
            precision = _parsed(plan, "precision") if plan.ir("precision") else None
            return cls(ledger, _parsed(plan, "launch"), precision)
        except IRError as error:
            raise PlanError.of(error.diagnostic.within("the plan's launch level is damaged")) from None
        except (KeyError, TypeError, ValueError):
            raise PlanError("the plan's ledger is not one of this version") from None

    # ------------------------------------------------------------ places

    @cached_property
    def where(self) -> dict[str, list[int]]:
        """The indices of the launches that each running node is in."""
        found: dict[str, list[int]] = {}
        for index, nodes in enumerate(nodes_by_launch([launch.op for launch in self.launches])):
            for node in nodes:
                found.setdefault(node, []).append(index)
        return found

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """The consumers of each node, in the model before any pass."""
        found: dict[str, list[str]] = {}
        for origin in self.origins.values():
            for node in origin.reads:
                found.setdefault(node, []).append(origin.node)
        return found

    def precision_of(self, nodes: Iterable[str]) -> PrecisionKernel | None:
        """The first precision-level kernel that has an op of one of NODES; None without one."""
        return next((self._formats[node] for node in nodes if node in self._formats), None)

    @cached_property
    def _formats(self) -> dict[str, PrecisionKernel]:
        found: dict[str, PrecisionKernel] = {}
        kernels = self._precision.main.block if self._precision is not None else ()
        for op in kernels:
            if isinstance(op, PrecisionKernel):
                for group in op_nodes(op.body.block):
                    for node in group:
                        found.setdefault(node, op)
        return found

    # ------------------------------------------------------------ records

    @cached_property
    def by_node(self) -> dict[str, list[Record]]:
        """The records that name each node."""
        found: dict[str, list[Record]] = {}
        for record in self.records:
            if record.rule not in OF_NO_NODE:
                for node in record.nodes:
                    found.setdefault(node, []).append(record)
        return found

    def about(self, a: str, b: str) -> list[Record]:
        """The records about the edge between A and B, in either direction; if none, those that name both."""
        both = self._both(a, b)
        exact = [r for r in both if not r.split or _is_edge(r, a, b) or _is_edge(r, b, a)]
        return exact or both

    def between(self, producer: str, consumer: str) -> list[Record]:
        """The decisions about the edge from PRODUCER to CONSUMER, in order, without rewrites and without
        decisions about independent launches."""
        both = self._both(producer, consumer)
        return [r for r in both if _is_edge(r, producer, consumer) and r.rule not in (*REWRITES, *BESIDE)]

    def rewired(self, producer: str, consumer: str) -> Record | None:
        """The last rewrite that replaced CONSUMER while it read PRODUCER; None without one."""
        found = [r for r in self._both(producer, consumer) if _is_edge(r, producer, consumer)]
        return next((r for r in reversed(found) if _is_rewrite(r)), None)

    def _both(self, a: str, b: str) -> list[Record]:
        """The records that name both A and B."""
        fewer, other = sorted((self.by_node.get(a, []), self.by_node.get(b, [])), key=len)
        wanted = {id(record) for record in other}
        return [record for record in fewer if id(record) in wanted]

    def rewrite(self, *nodes: str) -> Record | None:
        """The last rewrite of the most of NODES at once; None without a rewrite of any."""
        best: Record | None = None
        most = 0
        for node in nodes:
            for record in self.by_node.get(node, ()):
                count = len(set(nodes) & set(_rewritten(record)))
                if _is_rewrite(record) and count >= max(most, 1):
                    best, most = record, count
        return best

    def last_about(self, rule: str, *nodes: str) -> Record | None:
        """The last record of RULE that names one of NODES; the later ones of NODES take precedence."""
        found = [r for node in nodes for r in self.by_node.get(node, ()) if r.rule == rule]
        return found[-1] if found else None

    def removal(self, node: str) -> Record | None:
        """The decision that removed NODE: the last taken one about it, as a consumer if there is such."""
        taken = [record for record in self.by_node.get(node, ()) if record.verdict is Verdict.TAKEN]
        reading = [record for record in taken if record.split and node in record.consumers]
        return next((group[-1] for group in (reading, taken) if group), None)

    # ------------------------------------------------------------ names

    def __contains__(self, name: str) -> bool:
        """True when NAME is a node or the name of a node's result."""
        return name in self._names

    def resolve(self, name: str) -> str:
        """The node called NAME, or the one that produces the tensor NAME. Raises InputError for neither."""
        return self._names.resolve(name)


def _is_rewrite(record: Record) -> bool:
    return record.rule in REWRITES and record.verdict is Verdict.TAKEN


def _rewritten(record: Record) -> tuple[str, ...]:
    """The nodes of the op that the rewrite RECORD replaced."""
    return record.consumers or record.nodes


def _is_edge(record: Record, producer: str, consumer: str) -> bool:
    """True when RECORD is about the edge from PRODUCER to CONSUMER."""
    return producer in record.producers and consumer in record.consumers


def _parsed(plan: Plan, level: str) -> Module:
    try:
        return parse_module(plan.ir(level), ALL_DIALECTS, file=f"{level}.ir")
    except IRError as error:
        raise PlanError.of(error.diagnostic.within(f"the plan's {level} level is damaged")) from None


def _launches(module: Module) -> list[Launch]:
    kernels = kernels_in(module.main.block)
    return [
        Launch(index, op, tuple(op_nodes(op.body.block)), tuple(members_of(op)))
        for index, op in enumerate(kernels)
    ]
