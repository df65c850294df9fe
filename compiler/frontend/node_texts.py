"""The names of nodes in messages and locations, and messages about nodes that cannot be imported."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import NodeProto

from ...dialects.core.sizes.outcomes import Conflict
from ...errors import GlassError, InputError, ModelError
from .contributed.registry import CONTRIBUTED_DOMAIN
from .custom_ops import UNKNOWN
from .frame import Frame
from .left_out import DOMAINS_LEFT_OUT
from .problems import shown


def unknown_op(domain: str, node: NodeProto) -> str:
    """Why the op of NODE, of DOMAIN, is not supported."""
    if domain == CONTRIBUTED_DOMAIN:
        return f"this op of the domain {CONTRIBUTED_DOMAIN} is not supported"
    why = DOMAINS_LEFT_OUT.get(domain)
    if why is not None:
        return f"ops of the domain {shown(node.domain)} are not supported: {why}"
    return UNKNOWN.format(shown(f"{domain}::{node.op_type}"))


def conflict_error(node: NodeProto, label: str, error: Conflict) -> GlassError:
    """The error for conflicting sizes: InputError if given ranges or shapes cause it, else ModelError."""
    message = f"{node_place(node, label)}: {error}"
    if error.ranges:
        hint = 'ranges are given as shapes={"N": (min, opt, max)}, --shape N=1,8,64'
        return InputError(message, hint, (label,))
    return ModelError(message, nodes=(label,))


def node_label(node: NodeProto) -> str:
    """The name of NODE in locations outside functions: its own name, or that of its first output."""
    return node.name or next(iter(node.output), "") or node.op_type


def full_label(node: NodeProto, frame: Frame) -> str:
    """The name of NODE in messages and locations, prefixed by the enclosing function calls."""
    return frame.prefix + node_label(node)


def node_place(node: NodeProto, label: str) -> str:
    return f"{ascii(node.op_type)[1:-1][:60]} node {shown(label)}"


def missing_input(name: str, node: NodeProto, nodes: Sequence[NodeProto]) -> str:
    """The message for an input NAME that is not available: a later node computes it, or NODE itself, or
    none."""
    for other in nodes:
        if name in other.output:
            by = "itself" if other == node else f"the later node {shown(other.name or name)}"
            return f"its input {shown(name)} is computed by {by}; the graph is cyclic or not in order"
    return f"no node computes its input {shown(name)}"
