"""What a kernel is given and how it is launched goes from its family through the launch text to a run.

The family here is the test's own: it copies tiles by tensor maps, in clusters whose blocks read each other's
shared memory, and it keeps a workspace of 64-bit words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.group.family import geometry_of
from glassrt.codegen.families.group.joinable import Unjoinable
from glassrt.codegen.families.kernel_family import KernelFamily, Rank
from glassrt.codegen.families.registry import registered, unfit
from glassrt.codegen.plan.sources import made_kernels
from glassrt.codegen.request.parameters import (
    BufferParameter,
    ScalarParameter,
    ScratchParameter,
    TensorMapParameter,
    declarations,
)
from glassrt.codegen.request.request import Candidate, Config, Geometry, KernelCode, Request
from glassrt.codegen.request.signature import make_signature
from glassrt.codegen.text import render
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32, F64, U32, U64, DType
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.tensor_map import TensorMap
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.reduction import ArgReduce, Reduce
from glassrt.dialects.launch import Kernel
from glassrt.errors import DeviceError, IRError
from glassrt.runtime.launch_rules import Traversal
from glassrt.runtime.plan import Plan

from ..one_kernel import kernel_module, plan_of
from ..ranks import of_rank

TEMPLATE = """#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(32, 1) {{ spec.name }}({{ spec.parameters }}) {
    GLASS_DYNAMIC_SHARED(smem);
    f32* const tile = reinterpret_cast<f32*>(smem);
    Barrier* const barrier = reinterpret_cast<Barrier*>(smem + 512);
    const int block = block_x(), other = block ^ 1;
    if (thread_x() == 0) {
        barrier_init(*barrier, 1);
        barrier_fence_init();
        barrier_expect(*barrier, 512);
        tma_load_2d(tile, tiles, *barrier, 0, 16 * block);
        store(slots, block, u64(0x100000000) * u64(block + 1));
    }
    sync_threads();
    barrier_wait(*barrier, 0);
    cluster_sync();
    const f32* const theirs = static_cast<const f32*>(host::cluster_shared(tile, cluster_rank() ^ 1));
    const bool kept = load(slots, block) == u64(0x100000000) * u64(block + 1);
    for (int i = thread_x(); i < 128; i += 32) {
        y0[128 * other + i] = kept && theirs[i] > 0.0f ? theirs[i] : 0.0f;
    }
    cluster_sync();
}
"""


GEOMETRY = Geometry((1, 1, 1), (32, 1, 1), 1024, (2, 1, 1))
COOPERATIVE = replace(GEOMETRY, cooperative=True)


@dataclass(frozen=True)
class SwapSpec:
    name: render.Identifier
    parameters: render.Code


@dataclass(frozen=True, kw_only=True)
class SwapFamily(KernelFamily):
    """Relu of rows of 8, a tile of 16 rows a block, two blocks a cluster."""

    name: str = "swap"
    rank: Rank = Rank.SPECIAL_CASE
    geometry: Geometry = GEOMETRY

    def candidates(self, request: Request) -> list[Candidate]:
        return [Candidate(self.name, {}, 1.0)]

    def realize(self, request: Request, config: Config) -> KernelCode:
        rows = request.reads[0].shape[0]
        blocks = 2 * symbol(request.symbols[0])
        tiles = TensorMap(0, F32, (8, rows), (32,), Traversal((8, 16)))
        signature = make_signature(
            request, [ScratchParameter("slots", U64, blocks)], [TensorMapParameter("tiles", tiles)]
        )
        spec = SwapSpec(render.Identifier(request.name), signature.parameters)
        geometry = replace(self.geometry, grid=(blocks, 1, 1))
        return KernelCode("kernels/swap.cu.j2", spec, geometry, signature.typed)


@pytest.fixture(autouse=True)
def swap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The families are registered, and their template is there."""
    source = render._source
    monkeypatch.setattr(
        render, "_source", lambda name: TEMPLATE if name == "kernels/swap.cu.j2" else source(name)
    )
    render.environment.cache_clear()
    large = SwapFamily(name="swap_large", geometry=replace(COOPERATIVE, shared=64 << 10))
    with registered(SwapFamily(), SwapFamily(name="swap_cooperative", geometry=COOPERATIVE), large):
        yield
    render.environment.cache_clear()


def network() -> Module:
    type = TensorType((32 * symbol("N"), 8), F32)
    return kernel_module(lambda do, x: do(Relu(x)), [type], symbols={"N": SymbolRange(1, 2, 4)})


def chosen(family: str) -> Callable[[Request], Candidate]:
    return lambda request: Candidate(family, {}, 1.0)


choose = chosen("swap")


def launched(family: str = "swap") -> Module:
    return precision_to_launch(network(), REFERENCE, chosen(family))


def the_kernel(module: Module) -> Kernel:
    (op,) = [op for op in module.main.block if isinstance(op, Kernel)]
    return op


def test_all_of_it_is_in_the_launch_text_and_comes_back() -> None:
    text = print_module(launched())
    assert "cluster = [2, 1, 1]" in text and "tensor<(2*N)xu64>" in text
    assert "maps = [{operand = 0, element = f32, dims = [8, (32*N)], strides = [32], box = [8, 16]}]" in text
    assert "cooperative" not in text
    again = parse_module(text, ALL_DIALECTS)
    verify(again, ALL_DIALECTS)
    assert print_module(again) == text
    (made,) = made_kernels(again, REFERENCE).values()
    given = "Input<f32> x0, Output<f32> y0, Output<u64> slots, const GLASS_TENSOR_MAP tiles, const int s0"
    assert f"({given})" in made.source


@pytest.mark.parametrize("size", [1, 2, 4])
def test_it_runs_on_the_host(size: int) -> None:
    plan = Plan.from_bytes(plan_of(network(), choose).to_bytes())
    x = np.random.default_rng(size).standard_normal((32 * size, 8)).astype(np.float32)
    np.testing.assert_array_equal(glassrt.load(plan, device="host").run({"x0": x})["y0"], np.maximum(x, 0))


def test_the_plan_says_what_the_kernel_is_given() -> None:
    plan = plan_of(network(), choose)
    (kernel,) = plan.spec.kernels.values()
    kinds = ["read f32", "write f32", "scratch u64", "tensor_map f32", "scalar i32"]
    assert list(map(str, kernel.parameters)) == kinds
    (launch,) = plan.spec.launches
    assert (launch.cluster, launch.cooperative) == ((2, 1, 1), False)
    assert len(launch.reads) == 1 and len(launch.writes) == 2


def test_a_cooperative_launch_is_one_down_to_the_plan_and_the_host_says_what_it_lacks() -> None:
    plan = plan_of(network(), chosen("swap_cooperative"))
    assert "cooperative = true" in plan.ir("launch")
    assert plan.spec.launches[0].cooperative
    with pytest.raises(DeviceError, match="is a cooperative launch of clusters; the host device runs"):
        glassrt.load(plan, device="host")


def test_a_cooperative_grid_fits_the_gpu() -> None:
    module = launched("swap_large")
    made_kernels(module, replace(REFERENCE, card=replace(REFERENCE.card, multiprocessors=3)))
    with pytest.raises(IRError, match="launches up to 8 blocks that wait for each other; sm_90a holds 6"):
        made_kernels(module, replace(REFERENCE, card=replace(REFERENCE.card, multiprocessors=2)))


def cooperative(op: Kernel) -> None:
    op.cooperative = True


def single(op: Kernel) -> None:
    op.cluster = (1, 1, 1)


def without_maps(op: Kernel) -> None:
    op.maps = ()


def other_box(op: Kernel) -> None:
    op.maps = (replace(op.maps[0], traversal=Traversal((8, 8))),)


def other_words(op: Kernel) -> None:
    scratch = op.inputs[-1]
    scratch.type = scratch.type.with_dtype(F32)


EDITS: list[tuple[Callable[[Kernel], None], str]] = [
    (cooperative, r"needs grid \[2\*N, 1, 1\], block \[32, 1, 1\], cluster \[2, 1, 1\], shared 1024"),
    (single, r"cluster \[2, 1, 1\]"),
    (without_maps, r"other tensor maps: \[\{operand = 0, element = f32"),
    (other_box, r"other tensor maps: .*box = \[8, 16\]"),
    (other_words, r"other scratch buffers: tensor<\(2\*N\)xu64>"),
]


@pytest.mark.parametrize(("edit", "message"), EDITS)
def test_edited_launches_are_held_to_what_their_kernel_is_given(
    edit: Callable[[Kernel], None], message: str
) -> None:
    module = launched()
    edit(the_kernel(module))
    with pytest.raises(IRError, match=message):
        made_kernels(module, REFERENCE)


def test_such_launches_are_members_of_no_group() -> None:
    op = the_kernel(launched())
    op.family = "loop"
    assert unfit(op) is not None
    op.cluster = (1, 1, 1)
    assert unfit(op) == Unjoinable.TENSOR_MAPS.value
    code = KernelCode("", None, Geometry((1, 1, 1), (32, 1, 1), cooperative=True), ())
    with pytest.raises(
        ValueError, match="member 0 of the group cannot be one: it needs a cooperative launch"
    ):
        geometry_of([code, code])


def test_declarations() -> None:
    map: Any = None
    parameters = [
        BufferParameter("x0", F32),
        BufferParameter("y0", U32, written=True),
        ScratchParameter("words", U64, 3),
        TensorMapParameter("tiles", map),
        ScalarParameter("s0", "S0"),
        ScalarParameter("s1", "S1", wide=True),
    ]
    assert declarations(parameters) == (
        "Input<f32> x0, Output<u32> y0, Output<u64> words, const GLASS_TENSOR_MAP tiles, "
        "const int s0, const i64 s1"
    )


def scratch_types(body: Callable[..., Any], inputs: list[TensorType], rank: Rank) -> list[str]:
    """The types of the scratch buffers of a kernel of a family of RANK, whose work is split in three."""

    def choose(request: Request) -> Candidate:
        best = of_rank(rank)(request)
        return Candidate(best.family, best.config | {"splits": 3}, 0.0)

    op = the_kernel(precision_to_launch(kernel_module(body, inputs), REFERENCE, choose))
    return [str(value.type) for value in op.inputs[len(op.inputs) - op.scratch :]]


@pytest.mark.parametrize(("kind", "words"), [("sum", 12), ("max", 12), (None, 24)])
def test_a_row_kernel_keeps_words_of_64_bits(kind: str | None, words: int) -> None:
    def reduced(do: Any, x: Any) -> Any:
        if kind is None:
            return do(ArgReduce(x, kind="max", axis=1, keepdims=True, select_last=False))
        return do(Reduce(x, kind=kind, axes=[1], keepdims=True))

    found = scratch_types(reduced, [TensorType((4, 4096), F32)], Rank.ROWS)
    assert found[0] == f"tensor<{words}xu64>" and found[1].endswith("xu32>")


@pytest.mark.parametrize("dtype", [F32, F64])
def test_a_split_product_keeps_sums_of_its_accumulate_type(dtype: DType) -> None:
    types = [TensorType((16, 8192), dtype), TensorType((8192, 16), dtype)]
    found = scratch_types(lambda do, a, b: do(Matmul(a, b)), types, Rank.SCALAR_UNITS)
    assert found[0].endswith(f"x{dtype}>") and found[1].endswith("xu32>")
