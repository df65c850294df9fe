"""insert-quantization: stores tensors in eight bits, with scales from a calibration table.

    conv(x, w)  =>  conv(dequantize(quantize(x, s)), dequantize(quantize(w, t)))

Contractions with constant weights multiply in eight bits, except the last before each output. Their
operands are stored in eight bits, and all other consumers read the stored tensor, except contractions
that an override keeps in floats, and sums of residuals, which read the norm's result as it was
(`kept_floats.py`). Where two contractions are added, the sum is fused into the deeper one, and
the result of the other, an epilogue operand, is stored in eight bits too. Scales are symmetric: one
per tensor, or one per output channel of a weight. A tensor that contractions of both formats read is
stored in both, and other consumers read the `int8` one. Inside control flow it is the same, except for
products that a loop feeds their own results: every iteration would round these again, so they stay floats
unless an override names them. Ops that only move or select elements run on the
quantized tensor:

    quantize(max_pool(x), s)  =>  max_pool(quantize(x, s)), likewise concat, reshape, transpose, slice

and their results keep the scale of a quantized operand, unless their own range is much smaller (`picked.py`).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....dialects.control import blocks_in, captured
from ....dialects.core.dtypes import F32, DType
from ....dialects.core.interpreter import Evaluation
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function, Module
from ....dialects.core.traits import Trait, has
from ....dialects.graph.binary import Add
from ....dialects.graph.constants import Constant, constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.quantization import Dequantize, Quantize
from ....errors import CalibrationError
from ...passes.ledger import Figure, Record, Verdict
from ...passes.manager import PassContext
from ...patterns.channel_scale import weight_axis, weight_of
from ...patterns.depth import places
from ...patterns.flow import Sources, is_fed_back, sources_in
from ...patterns.matching import constant_array
from ...settings.formats import EIGHT_BITS
from ..narrowing.decisions import wide_of
from ..scales.names import tensor_names
from ..scales.noise import FORMATS, NoiseFormat
from .kept_floats import NORMS, last_contractions, residual_sums
from .picked import KEPT, Picked

Array = np.ndarray[Any, Any]


FED_BACK = "a loop feeds its result back to it, and every iteration would round it to eight bits again"


class InsertQuantization:
    """Stores the operands of contractions in the policy's eight-bit formats; does nothing without one."""

    name = "insert-quantization"

    def run(self, module: Module, context: PassContext) -> Module:
        asked = context.policy.eight_bits
        if not asked or self.name in context.disabled:
            return module
        if context.clips is None:
            if any(isinstance(op, Dequantize) for op in module.walk()):
                return module  # the model is quantized already
            raise CalibrationError(
                f"{asked[0].name} needs the ranges of the model's tensors",
                "give calibration data, or a model with QuantizeLinear and DequantizeLinear",
            )
        for function in module.functions:
            _Insertion(module, function, context, context.clips).run()
        return module


@dataclass
class _Insertion:
    """The state for one function."""

    module: Module
    function: Function
    context: PassContext
    clips: Mapping[str, float]
    _known: dict[Value, str] = field(init=False)

    def run(self) -> None:
        self._known = tensor_names(self.function)
        chosen = self._contractions()
        # Inner regions first: their captures are then still the calibrated tensors.
        for block in blocks_in(self.function.block):
            if block in chosen:
                self._insert(block, chosen[block])

    def _insert(self, block: Block, chosen: Mapping[Conv | Matmul, str]) -> None:
        """Store the operands of the CHOSEN contractions of BLOCK, each in its format."""
        stored: dict[Value, set[str]] = {}
        sums = residual_sums(block)
        for op, form in chosen.items():
            stored.setdefault(op.inputs[0], set()).add(form)
        for value, form in _added(block, dict(chosen.items()), sums):
            stored.setdefault(value, {form})
        names = {value: self._known[_as_calibrated(value)] for value in stored}
        clips = {value: self.clips[name] for value, name in names.items() if name in self.clips}
        picked = Picked.of(block, stored, clips)
        for value, owner in picked.owners.items():
            self._keep_scale(value, names, owner)
            del stored[value]
        names = {value: names[value] for value in stored}
        missing = [name for name in names.values() if name not in self.clips]
        if missing:
            shown = ", ".join(f"'{name}'" for name in missing[:3])
            message = f"the calibration table has no scale for {shown}" + (" and more" if missing[3:] else "")
            raise CalibrationError(message, "calibrate the model anew")
        for value, forms in stored.items():
            apart = picked.apart | sums if isinstance(value.producer, NORMS) else picked.apart
            self._store(block, value, sorted(forms, key=list(EIGHT_BITS).index), clips[value], apart)
        for op, form in chosen.items():
            self._store_weights(op, EIGHT_BITS[form], FORMATS[form])

    # ------------------------------------------------------------ the choice of contractions

    def _contractions(self) -> dict[Block, dict[Conv | Matmul, str]]:
        """By block, the contractions that multiply in eight bits, with their formats; refusals go to the
        ledger."""
        sources = sources_in(self.function)
        last = last_contractions(self.function.returned, sources)
        exact = wide_of(self.module, self.function, self.context).products
        chosen: dict[Block, dict[Conv | Matmul, str]] = {}
        for op in self.function.walk():
            if not isinstance(op, (Conv, Matmul)):
                continue
            reason = self._refusal(op, last, sources) or exact.get(op)
            if reason is not None:
                self._leave(op, reason)
                continue
            assert op.parent is not None
            form = self.context.policy.format_of(op).name
            chosen.setdefault(op.parent, {})[op] = form
            self.context.note(InsertQuantization.name, f"multiplies in {form}", op.name, op.location.nodes)
            self.context.eight_bits.choose(op.location.nodes)
        return chosen

    def _leave(self, op: Operation, reason: str) -> None:
        """Record that OP multiplies in floats, for REASON."""
        self.context.eight_bits.refuse(op.location.nodes, reason)
        self.context.ledger.add(
            InsertQuantization.name, Verdict.REFUSED, reason, ops=(op.name,), nodes=op.location.nodes
        )

    def _refusal(self, op: Conv | Matmul, last: Container[Operation], sources: Sources) -> str | None:
        if self._keeps_floats(op):
            default = f"the policy asks for {self.context.policy.name}"
            return self.context.policy.kept_in_floats(op) or default
        if op.result.type.dtype != F32 or op.inputs[0].type.dtype != F32:
            return f"it multiplies {op.inputs[0].type.dtype}"
        if isinstance(op.inputs[0].producer, Dequantize):
            return "the model itself says how its operand is stored"
        weights = constant_array(weight_of(op), self.module)
        if weights is None:
            return "its second operand is not a constant"
        if not np.isfinite(weights).all():
            return "a weight is not finite"
        if self.context.policy.override_of(op) is not None:
            return None  # an override that names the op requests eight bits even so
        if op in last:
            return "the last contraction before an output stays in floats"
        return FED_BACK if is_fed_back(op, sources) else None

    def _keeps_floats(self, op: Operation) -> bool:
        """Whether OP is a contraction that an override, or the policy's default, keeps in floats."""
        return has(op, Trait.CONTRACTION) and not self.context.policy.format_of(op).quantizes

    # ------------------------------------------------------------ the conversions

    def _keep_scale(self, value: Value, names: Mapping[Value, str], owner: Value) -> None:
        """Record that VALUE keeps the scale of OWNER."""
        op, clips = value.producer, {"clip": names[value], "clip_kept": names[owner]}
        assert op is not None  # an input of the model takes its elements from no other tensor
        figures: dict[str, Figure] = {
            key: self.clips[name] for key, name in clips.items() if name in self.clips
        }
        reason = f"'{names[value]}' has only elements of '{names[owner]}' and keeps its scale"
        record = Record(KEPT, (op.name,), op.location.nodes, Verdict.TAKEN, reason, figures)
        self.context.ledger.append(record)

    def _store(
        self, block: Block, value: Value, forms: Sequence[str], clip: float, apart: Container[Operation]
    ) -> None:
        """Store VALUE, of BLOCK, in FORMS and let its consumers read the stored tensors.

        Contractions read the tensor of their own format, other ops the first. Outputs, contractions kept in
        floats and the ops in APART read VALUE itself.
        """
        readers = [
            (user, index)
            for user, index in value.uses
            if not has(user, Trait.TERMINATOR) and not self._keeps_floats(user) and user not in apart
        ]
        after = value.producer
        first = block.first if after is None else after.next
        assert first is not None
        nodes = after.location if after is not None else readers[0][0].location
        backs = {}
        for form in forms:
            number = _before(first, constant(self.module, FORMATS[form].scale(clip)))
            stored = _before(first, Quantize(value, number, to=EIGHT_BITS[form], loc=nodes))
            backs[form] = _before(first, Dequantize(stored, number, to=F32, loc=nodes))
        for user, index in readers:
            own = self.context.policy.format_of(user).name if has(user, Trait.CONTRACTION) else forms[0]
            user.set_operand(index, backs.get(own, backs[forms[0]]))

    def _store_weights(self, op: Conv | Matmul, dtype: DType, form: NoiseFormat) -> None:
        weights = constant_array(weight_of(op), self.module)
        assert weights is not None
        axis = weight_axis(op)
        others = tuple(other for other in range(weights.ndim) if other != axis)
        most = np.abs(weights.astype(np.float64)).max(axis=others, initial=0.0)
        scales = np.array([form.scale(float(number)) for number in most], np.float32)
        old = weight_of(op)
        location = old.producer.location if isinstance(old.producer, Constant) else op.location
        number = _before(op, constant(self.module, scales))
        quantize = Quantize(old, number, axis=axis, to=dtype)
        array = quantize.evaluate(Evaluation(self.module, {}), weights, scales)
        quantize.erase()
        held = _before(op, constant(self.module, array, location))
        back = _before(op, Dequantize(held, number, axis=axis, to=F32, loc=op.location))
        op.set_operand(1, back)


def _before(anchor: Operation, op: Operation) -> Value:
    """The result of OP, which is inserted before ANCHOR."""
    assert anchor.parent is not None
    anchor.parent.insert_before(anchor, op)
    return op.result


def _as_calibrated(value: Value) -> Value:
    """The tensor under whose name VALUE was calibrated: a region may capture it, and the policy may have
    added a cast to an input since."""
    value = captured(value)
    cast = value.producer
    return cast.x if isinstance(cast, Cast) and not cast.location.nodes and cast.x.producer is None else value


def _added(
    block: Block, chosen: Mapping[Operation, str], apart: Container[Operation]
) -> Iterable[tuple[Value, str]]:
    """For every sum of two CHOSEN contractions but those APART: the addend of the one that runs first, and
    its format.

    The sum is fused into the other, which reads that addend as an epilogue operand.
    """
    place = places(block)
    leaders: dict[Value, Operation] = {}
    for op in block:
        leader = op if has(op, Trait.CONTRACTION) else _leader(op, leaders)
        if leader is not None:
            leaders[op.result] = leader
        if not isinstance(op, Add) or op in apart:
            continue
        known = [leaders[value] for value in op.inputs if leaders.get(value) in chosen]
        if len(known) == 2:
            earlier, value = min(zip(known, op.inputs, strict=True), key=lambda pair: place[pair[0]])
            yield value, chosen[earlier]


def _leader(op: Operation, leaders: Mapping[Value, Operation]) -> Operation | None:
    """The contraction that could have OP in its epilogue: OP is elementwise, its other operands are
    constants."""
    if not has(op, Trait.ELEMENTWISE) or len(op.result.uses) != 1:
        return None
    computed = [value for value in op.inputs if not isinstance(value.producer, Constant)]
    return leaders.get(computed[0]) if len(computed) == 1 else None
