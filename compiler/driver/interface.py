"""The element types of a model's inputs and outputs, where a policy requests other types than the model's."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ...dialects.core.builtin import Return
from ...dialects.core.dtypes import DType
from ...dialects.core.module import Function, Module
from ...dialects.graph.elementwise import Cast
from ...errors import InputError
from ...errors.option import option_error
from ..frontend.source import level_of
from ..passes.ledger import Origin
from ..passes.origins import origins_of
from ..settings.names import EVERY
from ..settings.policy import PrecisionPolicy


def with_io_types(module: Module, policy: PrecisionPolicy) -> Module:
    """MODULE, as imported, with the input and output types of POLICY. Raises what a build would."""
    check_overrides(policy, origins_of(module), level_of(module))
    return set_io_types(module, policy)


def set_io_types(module: Module, policy: PrecisionPolicy) -> Module:
    """MODULE, of the graph level, with its float inputs and outputs in the types that POLICY requests.

    Casts are inserted between them and the ops, so that rounding is explicit in the graph. A module that has
    these types already is not changed. Raises InputError for names that are not those of float inputs or
    outputs.
    """
    if policy.io:
        _check_names(policy, module.main)
        _cast_inputs(module.main, policy)
        _cast_outputs(module.main, policy)
    return module


def _check_names(policy: PrecisionPolicy, function: Function) -> None:
    dtypes: dict[str, DType] = {}
    for names, values in ((function.inputs, function.arguments), (function.outputs, function.returned)):
        dtypes |= {name: value.type.dtype for name, value in zip(names, values, strict=True)}
    for name, _ in policy.io:
        if name == EVERY:
            continue
        if name not in dtypes:
            close = difflib.get_close_matches(name, dtypes, 3)
            like = f"is {' or '.join(close)} meant?" if close else f"there are {', '.join(dtypes)}"
            raise InputError(f"the model has no input or output '{name}'", like)
        if not dtypes[name].is_float:
            raise InputError(f"'{name}' is {dtypes[name]} and cannot be made a float")


def _cast_inputs(function: Function, policy: PrecisionPolicy) -> None:
    first = function.block.first
    for name, value in zip(function.inputs, function.arguments, strict=True):
        own, wanted = value.type.dtype, policy.io_type(name, value.type.dtype)
        if wanted == own:
            continue
        users = list(value.uses)
        value.type = value.type.with_dtype(wanted)
        _cast_default(function, name, wanted)
        cast = function.block.insert_before(first, Cast(value, to=own))
        for user, index in users:
            user.set_operand(index, cast.result)


def _cast_default(function: Function, name: str, wanted: DType) -> None:
    """Store the default of the input NAME, if it has one, in the type WANTED."""
    module = function.module
    if module is not None and name in module.defaults:
        array = module.resources[module.defaults[name]]
        module.defaults[name] = module.resources.add(array.astype(wanted.numpy))


def _cast_outputs(function: Function, policy: PrecisionPolicy) -> None:
    end = function.block.terminator
    values = []
    for name, value in zip(function.outputs, function.returned, strict=True):
        wanted = policy.io_type(name, value.type.dtype)
        if wanted != value.type.dtype:
            value = function.block.insert_before(end, Cast(value, to=wanted)).result
        values.append(value)
    if tuple(values) != tuple(function.returned):
        function.block.insert_before(end, Return(*values, loc=end.location))
        end.erase()


def check_overrides(policy: PrecisionPolicy, origins: Iterable[Origin], entered: str) -> None:
    """Check that the overrides and input types of POLICY apply to the model.

    ORIGINS are the model's nodes; ENTERED is the level at which it enters the build. Raises InputError for
    overrides of nodes that do not exist, and for overrides or types that a lowered module cannot take.
    """
    if entered in ("precision", "launch") and policy.overrides:
        problem = f"overrides cannot change IR text of the {entered} level: its formats are decided"
        raise InputError(problem, "start from the model, or edit the text")
    if entered != "graph" and policy.io:
        problem = f"inputs and outputs of IR text of the {entered} level keep their types"
        raise InputError(problem, "start from the model, or from the graph level")
    nodes = dict.fromkeys(origin.node for origin in origins)
    for override in policy.overrides:
        if override.kind == "node" and not override.names(nodes):
            close = difflib.get_close_matches(override.pattern, nodes, 3, 0.5)
            like = f"is {' or '.join(close)} meant?" if close else None
            text, start = str(override), len(override.kind) + 1
            message, at = f"no node of the model matches '{override.pattern}'", (start, len(override.subject))
            raise option_error(InputError, "override", text, message, like, at=at)
