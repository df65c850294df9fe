"""Checks that the number formats a launch states are true: requested, chosen and executed.

Launch text may be written by hand, and reports repeat its formats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ...dialects.core.diagnostics import op_error
from ...dialects.core.dtypes import BF16, F8E4M3, F16, F32, I8, TF32, DType
from ...dialects.core.ir import Block
from ...dialects.core.parts import AttributeAt, EntryAt, Part
from ...dialects.core.traits import Trait, has
from ...dialects.graph.attention import Attention
from ...dialects.launch import Kernel
from ..families.executed import executed
from ..families.group.formats import FORMAT_KEYS, format_key, formats_by_member, formats_of
from ..families.group.parts import member_blocks, shares_of
from ..families.registry import families, family_of, is_group

# What policies request besides the types of the model itself: of a kernel with floats, and of one that
# multiplies.
STORED = frozenset({F32, F16, BF16})
MULTIPLIED = STORED | {TF32, I8, F8E4M3}
Place = Callable[[str], Part]  # the part of a launch that states the format of that key


def check_formats(op: Kernel) -> None:
    """Raise IRError for a format of OP, or of a member of the group OP, that cannot be true."""
    if is_group(op.family):
        _check_members(op)
        return
    if op.member_formats:
        raise op_error(op, "states formats of members, but is not a group", at=AttributeAt("member_formats"))
    rounds = family_of(op, op.family).rounds_operands
    _check(op, formats_of(op), op.body.block, rounds, AttributeAt)


def _check_members(op: Kernel) -> None:
    own = next(iter(formats_of(op)), None)
    if own is not None:
        hint = "a group states formats in member_formats, by member"
        raise op_error(op, f"states a format of its own, {own}, but is a group", hint, at=AttributeAt(own))
    shares = shares_of(dict(op.config))
    try:
        stated = formats_by_member(op.member_formats, len(shares))
    except (LookupError, ValueError) as error:
        raise op_error(op, f"its formats of members: {error}", at=AttributeAt("member_formats")) from error
    blocks = member_blocks(op.body.block, shares)
    for index, (formats, share, block) in enumerate(zip(stated, shares, blocks, strict=True)):
        if op.member_formats and not formats:
            message = f"states formats of other members, but none of member {index}"
            raise op_error(op, message, at=AttributeAt("member_formats"))
        rounds = families()[share.family].rounds_operands
        _check(op, formats, block, rounds, partial(_entry, index), f"member {index} ")


def _entry(index: int, key: str) -> EntryAt:
    return EntryAt("member_formats", format_key(index, key))


def _check(
    op: Kernel, formats: Mapping[str, DType], region: Block, rounds: bool, place: Place, who: str = ""
) -> None:
    """Check FORMATS, stated for REGION; ROUNDS: its family rounds operands; WHO: the member, if it is one."""
    if not formats:
        return
    missing = [key for key in FORMAT_KEYS if key not in formats]
    if missing and set(formats) != {"executed"}:
        stated, absent = _WORDS[next(iter(formats))], _WORDS[missing[0]]
        message = f"{who}states the {stated} format, but not the {absent} one"
        hint = "state requested, compute and executed; only executed for a copy; or none"
        raise op_error(op, message, hint, at=place(next(iter(formats))))
    done = executed(region, rounds)
    if formats["executed"] != done:
        raise op_error(op, f"{who}executes {done}, not {formats['executed']}", at=place("executed"))
    if not missing:
        _check_chosen(op, formats["compute"], done, region, place("compute"), who)
        _check_requested(op, formats["requested"], region, place("requested"), who)


_WORDS = {"requested": "requested", "compute": "chosen (compute)", "executed": "executed"}


def _check_chosen(op: Kernel, chosen: DType, done: DType, region: Block, at: Part, who: str) -> None:
    """A family may leave out a chosen rounding, and nothing else."""
    if chosen != done and not (_multiplies(region) and (chosen, done) == (TF32, F32)):
        raise op_error(op, f"{who}executes {done}, so {chosen} was not chosen for it", at=at)


def _check_requested(op: Kernel, requested: DType, region: Block, at: Part, who: str) -> None:
    """Some policy must be able to request that of such a kernel. Which one did is not in the text."""
    own = {value.type.dtype for value in region.arguments}
    own |= {value.type.dtype for each in region for value in each.results}
    asked, kind = frozenset[DType](), "without floats"
    if _multiplies(region):
        asked, kind = MULTIPLIED, "that multiplies"
    elif any(each.is_float for each in own):
        asked, kind = STORED, "without products"
    if requested not in asked | own:
        message = f"{who}has no {requested} values, and no policy requests {requested} of a kernel {kind}"
        hint = f"requested is one of {', '.join(sorted(each.name for each in asked | own))}"
        raise op_error(op, message, hint, at=at)


def _multiplies(region: Block) -> bool:
    return any(has(each, Trait.CONTRACTION) or isinstance(each, Attention) for each in region)
