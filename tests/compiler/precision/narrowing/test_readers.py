"""What reads a value: directly, or through ops that move it."""

from __future__ import annotations

import pytest
from glassrt.compiler.precision.narrowing.readers import Reader
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.normalization import RmsNorm
from glassrt.dialects.graph.softmax import Softmax

from .narrowed import Narrowed


def read(net: Narrowed, x: Value, kind: Reader) -> Value:
    """X read in the way KIND."""
    match kind:
        case Reader.ELEMENTWISE:
            return net.add(Relu, x)
        case Reader.PRODUCT:
            return net.add(Matmul, x, net.table(8, 3))
        case Reader.RMS_NORM:
            return net.add(RmsNorm, x, net.table(8), axis=1)
    return net.add(Softmax, x, axis=1)


KINDS = [Reader.ELEMENTWISE, Reader.PRODUCT, Reader.RMS_NORM, Reader.OTHER]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moved", [False, True])
def test_readers_are_found_directly_and_behind_movement(kind: Reader, moved: bool) -> None:
    net = Narrowed()
    x = net.input("x", 8, 4) if moved else net.input("x", 4, 8)
    net.finished(read(net, net.add(Transpose, x, perm=[1, 0]) if moved else x, kind))
    assert net.readers[x] == kind


def test_all_readers_count_and_an_output_is_none() -> None:
    net = Narrowed()
    x = net.input("x", 4, 8)
    y = net.add(Relu, x)
    net.finished(y, *(read(net, x, kind) for kind in KINDS))
    assert net.readers[y] == Reader.NONE
    assert net.readers[x] == Reader.ELEMENTWISE | Reader.PRODUCT | Reader.RMS_NORM | Reader.OTHER


def test_the_weights_of_a_norm_and_both_operands_of_a_product() -> None:
    net = Narrowed()
    x, scale = net.input("x", 4, 8), net.table(8)
    w = net.input("w", 8, 3)
    net.finished(net.add(Matmul, net.add(RmsNorm, x, scale, axis=1), w))
    assert net.readers[scale] == Reader.OTHER and net.readers[w] == Reader.PRODUCT


def test_movement_that_leads_to_an_output_reads_nothing() -> None:
    net = Narrowed()
    x = net.add(Add, net.input("x", 4, 8), net.number(1))
    net.finished(net.add(Reshape, x, shape=[32]))
    assert net.readers[x] == Reader.NONE
