"""Overlaps of what is bound to a run."""

from __future__ import annotations

from dataclasses import replace

from glassrt.runtime.binding import InputBinder
from glassrt.runtime.dlpack import CUDA, import_tensor

from .tiny_engines import GpuTensor, batch
from .tiny_plans import affine_plan


def test_an_empty_tensor_overlaps_with_nothing() -> None:
    whole = import_tensor(GpuTensor(batch(4)), 1)
    inside = replace(whole, pointer=whole.pointer + 16, shape=(0, 4))
    InputBinder(affine_plan(), (CUDA, 0)).check_disjoint([whole], [inside])
