"""How fast are lookups in embedding tables on a GPU, beside PyTorch's, and what are their fusions worth?

    python -m benchmarks.embeddings [--check] [--cases bags,norms] [--out FILE]

Bags of rows, of one table and of several, equally long or with offsets, with factors, and of tables in eight
bits with a scale for each row; and the beginning of BERT: three lookups, two sums and a layer norm. `before`
is the same plan without the fusions that are measured, `torch` PyTorch's eager `embedding_bag` (or what it
would take in eight bits) as a CUDA graph. Indices are random over tables that are larger than the L2 cache,
but the same in all runs: few bags find their rows there. --check compares results alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import glassrt
import numpy as np
import onnx
import torch
from glassrt import PrecisionPolicy
from glassrt.compiler.driver.build import Settings, build, present_arch
from onnx import TensorProto, helper, numpy_helper
from torch.nn.functional import embedding_bag, layer_norm

from .common.peer_timing import device_ms, eager
from .common.rows import Row, median_ms, parser, relative_error, report

FUSIONS = frozenset({"embedding-bag", "join-bags", "row-lookup"})
MOST_ERROR = 4e-3
HALF, LONG = TensorProto.FLOAT16, TensorProto.INT64
Arrays = dict[str, torch.Tensor]


class TableModel:
    """An ONNX model as it grows, with inputs on the GPU that are larger than what one likes in a plan."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: Arrays = {}
        self.constants: dict[str, np.ndarray[Any, Any]] = {}

    def input(self, name: str, value: torch.Tensor) -> str:
        self.inputs[name] = value
        return name

    def constant(self, name: str, value: object) -> str:
        self.constants[name] = np.asarray(value)
        return name

    def add(self, kind: str, *operands: str, **attributes: Any) -> str:
        result = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(operands), [result], **attributes))
        return result

    def model(self, output: str) -> onnx.ModelProto:
        types = {
            torch.float16: HALF,
            torch.int64: LONG,
            torch.int8: TensorProto.INT8,
            torch.float32: TensorProto.FLOAT,
        }
        made = [helper.make_tensor_value_info(k, types[v.dtype], v.shape) for k, v in self.inputs.items()]
        constants = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        result = helper.make_tensor_value_info(output, HALF, None)
        graph = helper.make_graph(self.nodes, "embeddings", made, [result], constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@dataclass(frozen=True)
class Bags:
    """Bags of `length` rows of each of `tables` tables of `rows` x `width`, `batch` of them."""

    batch: int
    tables: int
    rows: int
    width: int
    length: int
    form: str = "sum"  # or weighted, ragged, int8

    @property
    def row(self) -> Row:
        return {"case": "bags", **{name: getattr(self, name) for name in self.__dataclass_fields__}}

    def made(self) -> tuple[onnx.ModelProto, Arrays, Callable[[], torch.Tensor]]:
        """The model, its inputs, and what PyTorch runs."""
        draft, parts, runs = TableModel(), [], []
        axis = draft.constant("axis", np.array([1]))
        for at in range(self.tables):
            part, run = self._table(draft, at, axis)
            parts.append(part)
            runs.append(run)
        output = draft.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
        return draft.model(output), draft.inputs, lambda: torch.cat([run() for run in runs], 1)

    def _table(self, draft: TableModel, at: int, axis: str) -> tuple[str, Callable[[], torch.Tensor]]:
        shape = (self.batch, self.length)
        indices = torch.randint(0, self.rows, shape, device="cuda")
        table = torch.randn(self.rows, self.width, device="cuda", dtype=torch.float16)
        if self.form == "ragged":
            return self._ragged(draft, at, table, indices.reshape(-1))
        name = draft.input(f"i{at}", indices)
        if self.form == "int8":
            return self._int8(draft, at, axis, indices)
        rows = draft.add("Gather", draft.input(f"w{at}", table), name)
        weights = None
        if self.form == "weighted":
            weights = torch.rand(shape, device="cuda", dtype=torch.float16)
            last = draft.constant("last", np.array([2]))
            rows = draft.add("Mul", rows, draft.add("Unsqueeze", draft.input(f"s{at}", weights), last))
        run = lambda: embedding_bag(indices, table, mode="sum", per_sample_weights=weights)  # noqa: E731
        return draft.add("ReduceSum", rows, axis, keepdims=0), run

    def _int8(
        self, draft: TableModel, at: int, axis: str, indices: torch.Tensor
    ) -> tuple[str, Callable[[], torch.Tensor]]:
        table = torch.randint(-128, 128, (self.rows, self.width), device="cuda", dtype=torch.int8)
        scales = torch.rand(self.rows, 1, device="cuda") / 100 + 0.01
        whole = draft.add("Gather", draft.input(f"q{at}", table), f"i{at}")
        rows = draft.add("Cast", whole, to=TensorProto.FLOAT)
        rows = draft.add("Mul", rows, draft.add("Gather", draft.input(f"s{at}", scales), f"i{at}"))
        sums = draft.add("ReduceSum", rows, axis, keepdims=0)
        return draft.add(
            "Cast", sums, to=HALF
        ), lambda: (table[indices].float() * scales[indices]).sum(1).half()

    def _ragged(
        self, draft: TableModel, at: int, table: torch.Tensor, indices: torch.Tensor
    ) -> tuple[str, Callable[[], torch.Tensor]]:
        ends = np.sort(np.random.default_rng(at).integers(0, len(indices), self.batch - 1))
        offsets = torch.from_numpy(np.concatenate([[0], ends])).cuda()
        names = [draft.input(f"w{at}", table), draft.input(f"i{at}", indices), draft.input(f"o{at}", offsets)]
        return _loop(draft, names, len(indices), self.batch, self.width), lambda: embedding_bag(
            indices, table, offsets, mode="sum"
        )


def _loop(draft: TableModel, names: list[str], count: int, bags: int, width: int) -> str:
    """Bags with offsets, as `torch.onnx` writes them."""
    table, indices, offsets = names
    zero, one, all_ = (draft.constant(n, np.array([v])) for n, v in (("zero", 0), ("one", 1), ("end", 2**62)))
    bounds = draft.add("Concat", offsets, draft.constant("count", np.array([count])), axis=0)
    begins, ends = (draft.add("Slice", bounds, first, all_, zero) for first in (zero, one))
    node = helper.make_node
    body = [
        node("Gather", [begins, "it"], ["b0"]), node("Unsqueeze", ["b0", zero], ["b"]),
        node("Gather", [ends, "it"], ["e0"]), node("Unsqueeze", ["e0", zero], ["e"]),
        node("Slice", [indices, "b", "e", zero], ["own"]), node("Gather", [table, "own"], ["rows"]),
        node("ReduceSum", ["rows", zero], ["sum"], keepdims=0), node("Identity", ["on"], ["go"]),
    ]  # fmt: skip
    info = helper.make_tensor_value_info
    given = [info("it", LONG, []), info("on", TensorProto.BOOL, [])]
    made = [info("go", TensorProto.BOOL, []), info("sum", HALF, [width])]
    graph = helper.make_graph(body, "body", given, made)
    return draft.add("Loop", draft.constant("bags", bags), draft.constant("true", True), body=graph)


@dataclass(frozen=True)
class Beginning:
    """The beginning of BERT for `batch` sequences of `tokens`."""

    batch: int
    tokens: int = 128
    width: int = 768

    @property
    def row(self) -> Row:
        return {"case": "norms", "batch": self.batch, "tokens": self.tokens, "width": self.width}

    def made(self) -> tuple[onnx.ModelProto, Arrays, Callable[[], torch.Tensor]]:
        draft, shape = TableModel(), (self.batch, self.tokens)
        sizes = {"words": 30522, "places": 512, "types": 2}
        tables = {k: torch.randn(n, self.width, device="cuda", dtype=torch.float16) for k, n in sizes.items()}
        found = {k: torch.randint(0, n, shape, device="cuda") for k, n in sizes.items()}
        scale, shift = (torch.rand(self.width, device="cuda", dtype=torch.float16) for _ in range(2))
        rows = [
            draft.add("Gather", draft.input(k, tables[k]), draft.input(f"{k}_at", found[k])) for k in sizes
        ]
        total = draft.add("Add", draft.add("Add", rows[0], rows[1]), rows[2])
        given = draft.input("scale", scale), draft.input("shift", shift)
        y = draft.add("LayerNormalization", total, *given, axis=-1, epsilon=1e-12)

        def run() -> torch.Tensor:
            x = sum(tables[k][found[k]] for k in sizes)
            return layer_norm(x, (self.width,), scale, shift, 1e-12)

        return draft.model(y), draft.inputs, run


CASES: dict[str, list[Bags | Beginning]] = {
    "bags": [
        Bags(1, 1, 1_000_000, 128, 100), Bags(64, 1, 1_000_000, 128, 100), Bags(2048, 1, 1_000_000, 128, 20),
        Bags(2048, 1, 1_000_000, 128, 100), Bags(2048, 1, 1_000_000, 64, 100),
        Bags(2048, 1, 1_000_000, 128, 100, "weighted"), Bags(2048, 1, 1_000_000, 128, 100, "int8"),
        Bags(2048, 1, 1_000_000, 128, 20, "ragged"), Bags(1, 26, 40_000, 64, 20),
        Bags(2048, 26, 40_000, 64, 20), Bags(2048, 26, 40_000, 64, 5),
        Bags(2048, 8, 200_000, 128, 20, "int8"),
    ],
    "norms": [Beginning(1), Beginning(8), Beginning(32)],
}  # fmt: skip


def measure(case: Bags | Beginning, check: bool) -> Row:
    """The row of CASE, with times unless it is only to CHECK."""
    torch.manual_seed(0)
    target = present_arch()
    assert target is not None
    model, inputs, run = case.made()
    row = dict(case.row)
    with torch.inference_mode():
        wanted = run().float().cpu().numpy()
        if not check:
            row["torch_ms"] = device_ms(_captured(run), 0.2)
    for label, disabled in (("", frozenset[str]()), ("before_", FUSIONS)):
        if disabled and isinstance(case, Bags) and case.form == "ragged":
            continue  # nothing else runs it
        policy = PrecisionPolicy("fp16")
        plan = build(model.SerializeToString(), Settings((target,), policy, disabled=disabled)).plan
        row[f"{label}launches"] = plan.ir("launch").count("launch.kernel")
        with glassrt.load(plan, device="cuda:0") as engine:
            if check or not disabled:
                (have,) = engine.run(inputs).values()
                found = torch.from_dlpack(have).float().cpu().numpy()
                row[f"{label}error"] = error = relative_error(found, wanted)
                if error > MOST_ERROR:
                    raise SystemExit(f"{case.row} {label}: an error of {error}")
            if not check:
                row[f"{label}ms"] = median_ms(engine, inputs, 300, 20)
    return row


def _captured(run: Callable[[], torch.Tensor]) -> Callable[[], object]:
    module = torch.nn.Module()
    module.forward = run  # type: ignore[method-assign]
    return eager(module, [])


def rows(names: list[str], check: bool) -> Iterator[Row]:
    for name in names:
        for case in CASES[name]:
            yield measure(case, check)
            torch.cuda.empty_cache()


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--cases", default=",".join(CASES), help="of bags and norms")
    command.add_argument("--check", action="store_true", help="compare results, and time nothing")
    options = command.parse_args()
    report(rows(options.cases.split(","), options.check), options.out)


if __name__ == "__main__":
    main()
