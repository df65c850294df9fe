"""recurrence-loop: recurrent ops in formats that no kernel has become loops over the steps.

    lstm(x) => loop{gates of a step}

That comes first, so that the loops are simplified as those of the model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ...dialects.control import Loop, all_blocks
from ...dialects.core.ir import Block
from ...dialects.core.module import Module
from ...dialects.graph.movement.reshape import Transpose
from ...dialects.graph.recurrence import Gru, Lstm, Recurrence, Rnn
from ..frontend.builder import Builder
from ..frontend.external import ExternalFiles
from ..frontend.gate_functions import FUNCTIONS as NUMBERS
from ..frontend.gate_functions import Activation
from ..frontend.recurrent_steps import Steps, gru_steps, lstm_steps, rnn_steps
from ..frontend.tensor import Tensor
from ..passes.ledger import Figure, Record, Verdict
from ..passes.manager import PassContext
from ..patterns.rewrite import Rewriter, pattern, rewrite
from .control_flow import short_loop

RECURRENCE_KERNEL = "recurrence-kernel"


@dataclass(frozen=True)
class RecurrenceLoops:
    """Expands the recurrent ops whose format under the context's policy no kernel has."""

    name: ClassVar[str] = "recurrence-loop"

    def run(self, module: Module, context: PassContext) -> Module:
        for op in recurrent_ops(module):
            dtype = context.policy.format_of(op).stored(op.x.type.dtype)
            if RECURRENCE_KERNEL in context.disabled:
                refuse(op, "it is switched off", module, context, Verdict.DISABLED)
            elif dtype not in op.floats:
                refuse(op, f"its states are {dtype}: kernels have f16 and bf16", module, context)
            elif op.steps == 1 and isinstance(op.holder, Loop):
                refuse(op, "it is a step of a loop around it", module, context)
                rewrite(module, [single_step], context.note_rewrite)
        return module


@pattern("short-loop", Loop)
def single_step(op: Loop, rewriter: Rewriter) -> bool:
    """loop{one iteration} in a loop => this iteration"""
    return op.count == 1 and isinstance(op.holder, Loop) and short_loop.apply(op, rewriter)


def recurrent_ops(module: Module) -> list[Recurrence]:
    """The recurrent ops of MODULE, those in regions included."""
    return [op for block in all_blocks(module) for op in block if isinstance(op, Recurrence)]


def refuse(
    op: Recurrence,
    reason: str,
    module: Module,
    context: PassContext,
    verdict: Verdict = Verdict.REFUSED,
    figures: dict[str, Figure] | None = None,
) -> None:
    """Replace OP by a loop over its steps, and put on record why there is no kernel for it."""
    context.ledger.append(
        Record(RECURRENCE_KERNEL, (op.name,), op.location.nodes, verdict, reason, figures or {})
    )
    block, anchor = Block(), op.parent
    assert anchor is not None
    builder = Builder(module, block, ExternalFiles(None), location=op.location)
    y, *last = _looped(op, builder)
    assert y is not None
    results = [builder.emit(Transpose, y, perm=(0, 2, 1, 3)), *(each for each in last if each is not None)]
    values = [builder.value(each) for each in results]
    for made in list(block):
        block.unlink(made)
        anchor.insert_before(op, made)
    op.replace_by(*values)


def _looped(op: Recurrence, builder: Builder) -> list[Tensor | None]:
    """The results of OP by a loop, as `recurrent_steps` has them."""
    steps = Steps(
        builder,
        Tensor.of(op.x),
        op.reverse,
        op.hidden,
        op.gates,
        Tensor.of(op.weights),
        None if op.lengths is None else Tensor.of(op.lengths),
        tuple(_functions(op) for _ in op.reverse),
        tuple(None if value is None else Tensor.of(value) for value in op.initial_states),
        peepholes=Tensor.of(op.peepholes) if isinstance(op, Lstm) and op.peepholes is not None else None,
        hidden_bias=Tensor.of(op.bias) if isinstance(op, Gru) and op.bias is not None else None,
        coupled=isinstance(op, Lstm) and op.coupled,
        linear=isinstance(op, Gru) and op.linear,
        wanted=True,
    )
    kinds = {Lstm: lstm_steps, Gru: gru_steps, Rnn: rnn_steps}
    return kinds[type(op)](steps)


def _functions(op: Recurrence) -> tuple[Activation, ...]:
    """The activation functions of a direction of OP."""
    made = [
        Activation(each.name, tuple((key, getattr(each, key)) for key in NUMBERS[each.name][1]), op.clip)
        for each in op.activations
    ]
    if isinstance(op, Lstm):
        made[2] = replace(made[2], clip=0.0)  # that of the memory
    return tuple(made)
