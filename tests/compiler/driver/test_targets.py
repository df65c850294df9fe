"""What is decided differs with the target, and a plan for several has what each would have alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from glassrt.codegen.text.provenance import without_provenance
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.ledger import Ledger
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.formats.image_reads import IMAGE_AS_STORED
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.graph.binary import Add, Sub
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.precision import PrecisionKernel
from glassrt.testing.net import Net

from .targeted import H200, at, for_several, siblings

# ---------------------------------------------------------------- passes


def test_siblings_are_joined_where_that_saves_time() -> None:
    """With fewer multiprocessors and less memory a launch less is worth more."""
    found = {
        name: sum(isinstance(op, Conv) for op in at("graph", siblings(), name).main.block)
        for name in ("sm_90a", "sm_80")
    }
    assert found == {"sm_90a": 2, "sm_80": 1}


def test_long_rows_are_shared_by_blocks_where_there_is_room_for_these() -> None:
    def kernels(name: str) -> int:
        net = Net()
        x = net.input("x", 64, 65536)
        mean = net.add(Reduce, x, axes=[1], kind="mean", keepdims=True)
        module = at("fused", net.done(net.add(Sub, x, mean)), name)
        return sum(op.name == "fused.kernel" for op in module.walk())

    assert (kernels("sm_90a"), kernels("sm_87")) == (2, 1)


def test_layouts_weigh_a_launch_by_the_memory_of_the_target() -> None:
    """Channels-last costs strided reads of four tensors, row-major a kernel more."""

    def orders(name: str) -> Counter[bool]:
        net = Net()
        a, b, c, d = (net.input(f"x{index}", 1, 64, 40, 40) for index in range(4))
        y = net.add(Add, net.add(Add, a, b), net.add(Add, c, d))
        module = at("precision", net.done(net.conv(y, 64, 3), net.add(Softmax, y, axis=3)), name)
        made = next(op for op in module.main.block if isinstance(op, PrecisionKernel))
        return Counter(value.type.layout.is_dense and not value.type.layout.order for value in made.results)

    assert orders("sm_90a") == {False: 1}
    assert orders("sm_87") == {True: 1}


def test_operands_are_converted_by_a_kernel_where_a_launch_costs_little() -> None:
    def kernels(name: str) -> int:
        net = Net()
        module = net.done(net.linear(net.input("x", 512, 1024), 1024))
        return sum(isinstance(op, PrecisionKernel) for op in at("precision", module, name, "fp16").main.block)

    assert kernels("sm_86") == kernels("sm_90a") + 1


def test_channels_fill_what_the_target_copies_at_once() -> None:
    def why(staging_bytes: int) -> str:
        target = replace(H200, limits=replace(H200.limits, staging_bytes=staging_bytes))
        net = Net()
        module = net.done(net.conv(net.input("x", 1, 2, 16, 16), 8, 3))
        context = PassContext(ALL_DIALECTS, PrecisionPolicy("fp16"), disabled=frozenset({IMAGE_AS_STORED}))
        module = PassManager(passes_through("precision", target), context).run(module)
        return " ".join(op.why for op in module.main.block if isinstance(op, PrecisionKernel))

    assert "2 zero channels fill the input's words" in why(8)
    assert "zero channels" not in why(4)


# ---------------------------------------------------------------- plans for several


def test_equal_kernels_have_one_name() -> None:
    """Copies are the same on both, whoever reads them; a kernel's own name has its target in it."""
    alone = [for_several(name).sources for name in ("sm_90a", "sm_80")]
    assert not alone[0].keys() & alone[1].keys()
    first, second = for_several("sm_90a", "sm_80").parts
    shared = first.sources.keys() & second.sources.keys()
    assert [name for name in shared if "copy" in name] and shared < first.sources.keys()
    assert first.sources.keys() == alone[0].keys(), "names of the first stay"
    sources = [(first.sources[name], second.sources[name]) for name in shared]
    assert all(without_provenance(one) == without_provenance(other) for one, other in sources)
    heads = [part.sources[name].split("\n")[1] for name in shared for part in (first, second)]
    assert heads == ["// from ONNX nodes conv0", "// from ONNX nodes conv0, conv1"], (
        "the first to read the copy"
    )


def test_records_say_which_target_they_are_for_where_targets_differ() -> None:
    plan = for_several("sm_90a", "sm_80")
    for part in plan.parts:
        records = list(Ledger.from_json(part.ledger))
        marked = {record.rule: record.target for record in records if record.target}
        assert marked["horizontal-contraction"] == part.spec.targets[0]
        assert f"horizontal-contraction for {part.spec.targets[0]}: conv0, conv1" in part.decisions
        assert any(not record.target for record in records), "what is decided alike is for all"
    assert all("target" not in entry for entry in for_several("sm_80").ledger)


def test_a_record_is_for_every_target_that_shares_it() -> None:
    first, _ = for_several("sm_90a", "sm_80", "sm_90").parts
    marked = {record.rule: record.target for record in Ledger.from_json(first.ledger) if record.target}
    assert marked["horizontal-contraction"] == "sm_90a, sm_90"


def test_a_card_changes_what_is_chosen_but_not_what_runs_it() -> None:
    tuned = for_several("sm_90a:h100-pcie")
    assert tuned.targets == ("sm_90a",) and tuned.cubins.keys() == {"sm_90a"}
