"""A plan as an ONNX model for viewers such as Netron: every kernel is a function, which its launches call.

The model shows what runs, and cannot be run: its ops are those of the IR, with attributes as text, and
weights are left out. A launch that writes a part of a buffer, or writes it again, takes what was there as an
input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, ValueInfoProto, helper

from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.module import Function
from ....dialects.core.parser import parse_module
from ....dialects.core.traits import Trait, has
from ....dialects.launch import Kernel
from ....dialects.launch_control import LaunchControl
from ....errors import IRError, PlanError
from ....runtime.plan import Plan
from ...frontend.weights import ELEMENT_CODES
from ...memory.launch_accesses import root_of
from ...passes.levels import ALL_DIALECTS

KERNELS, OPS = "glassrt.kernels", "glassrt"
SAME = "same"  # the op that gives a value a further name
IR_VERSION, OPSET = 10, 18
_OPSETS = [helper.make_opsetid("", OPSET), helper.make_opsetid(KERNELS, 1), helper.make_opsetid(OPS, 1)]


def function_model(plan: Plan) -> ModelProto:
    """The launch level of PLAN as an ONNX model, with a function for every kernel. Raises PlanError where the
    text of the level is damaged."""
    try:
        function = parse_module(plan.ir("launch"), ALL_DIALECTS, file="launch.ir").main
    except IRError as error:
        raise PlanError.of(error.diagnostic.within("the plan's launch level is damaged")) from None
    writer = _FunctionWriter(function)
    nodes = writer.nodes(function.block)
    for name, value in zip(function.outputs, function.returned, strict=True):
        nodes.append(helper.make_node(SAME, [writer.name(value)], [name], domain=OPS))
    inputs = map(_info, function.inputs, function.arguments)
    outputs = map(_info, function.outputs, function.returned)
    graph = helper.make_graph(nodes, plan.spec.name, list(inputs), list(outputs))
    functions = list(writer.functions.values())
    model: ModelProto = helper.make_model(
        graph, opset_imports=_OPSETS, ir_version=IR_VERSION, functions=functions, producer_name="glassrt"
    )
    return model


class _FunctionWriter:
    """Nodes for the launches of a function; `functions` are those of their kernels, by name."""

    def __init__(self, function: Function) -> None:
        self.functions: dict[str, FunctionProto] = {}
        self._names = dict(zip(function.arguments, function.inputs, strict=True))
        self._taken = {*function.inputs, *function.outputs}
        self._launches = 0

    def name(self, value: Value) -> str:
        """What is in the buffer of VALUE now; empty for weights, and for what nothing has written yet."""
        return self._names.get(root_of(value)[0], "")

    def nodes(self, block: Block) -> list[NodeProto]:
        """A node for every launch, branch and loop of BLOCK, in order."""
        made = []
        for op in block:
            if isinstance(op, Kernel):
                made.append(self._launch(op))
            elif isinstance(op, LaunchControl):
                made.append(self._control(op))
        return made

    def _launch(self, op: Kernel) -> NodeProto:
        if op.kernel not in self.functions:
            self.functions[op.kernel] = _function(op)
        inputs = [self.name(value) for value in (*op.reads, *op.writes)]
        outputs = [self._written(root_of(value)[0]) for value in op.writes]
        self._launches += 1
        node = helper.make_node(op.kernel, inputs, outputs, f"launch {self._launches - 1}", domain=KERNELS)
        node.attribute.extend([*_attributes(op), _text("nodes", ", ".join(op.location.nodes))])
        return node

    def _control(self, op: LaunchControl) -> NodeProto:
        before, inputs = dict(self._names), [self.name(value) for value in op.inputs]
        written = dict.fromkeys(_written_in(op))
        graphs = []
        for at, region in enumerate(op.regions):
            self._names = dict(before)
            nodes = self.nodes(region.block)
            inner = [self._names.get(root, "") for root in written]
            outputs = [ValueInfoProto(name=name) for name in inner if name]
            graph = GraphProto(name=op.name, node=nodes, output=outputs)
            graphs.append(helper.make_attribute(f"region{at}", graph))
        self._names = before
        node: NodeProto = helper.make_node(
            op.name.partition(".")[2], inputs, [self._written(root) for root in written], domain=OPS
        )
        node.attribute.extend([*_attributes(op), *graphs])
        return node

    def _written(self, root: Value) -> str:
        """A new name for what is in the buffer ROOT from now on."""
        name = f"b{len(self._taken)}"
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        self._names[root] = name
        return name


def _written_in(op: LaunchControl) -> Iterator[Value]:
    for each in op.walk():
        if isinstance(each, Kernel):
            yield from (root_of(value)[0] for value in each.writes)


def _function(op: Kernel) -> FunctionProto:
    """The ops of a kernel; behind its inputs are those for what its outputs held before."""
    block = op.body.block
    inputs = [f"x{at}" for at in range(len(block.arguments))]
    names = dict(zip(block.arguments, inputs, strict=True))
    nodes = []
    for each in block:
        if not has(each, Trait.TERMINATOR):
            for value in each.results:
                names[value] = f"v{len(names)}"
            read = ["" if value is None else names[value] for value in each.operands]
            results = [names[value] for value in each.results]
            title = ", ".join(each.location.nodes)
            node = helper.make_node(each.name.partition(".")[2], read, results, title, domain=OPS)
            node.attribute.extend(_attributes(each))
            nodes.append(node)
    outputs = [f"y{at}" for at in range(len(op.writes))]
    ends = zip(block.terminator.inputs, outputs, strict=True)
    nodes += [helper.make_node(SAME, [names[value]], [output], domain=OPS) for value, output in ends]
    before = [f"before{at}" for at in range(len(op.writes))]
    given = [*inputs, *before]
    made: FunctionProto = helper.make_function(KERNELS, op.kernel, given, outputs, nodes, _OPSETS)
    return made


def _attributes(op: Operation) -> list[AttributeProto]:
    """The attributes of OP, as text."""
    found = []
    for name, field in op.spec.attributes.items():
        value = op.attributes[name]
        if name != op.spec.symbol and value is not None:
            found.append(_text(name, field.kind.encode(value)))
    return found


def _text(name: str, value: str) -> AttributeProto:
    return helper.make_attribute(name, value.encode())


def _info(name: str, value: Value) -> ValueInfoProto:
    shape: Sequence[object] = [dim if isinstance(dim, int) else str(dim) for dim in value.type.shape]
    found: ValueInfoProto = helper.make_tensor_value_info(name, ELEMENT_CODES[value.type.dtype], shape)
    return found
