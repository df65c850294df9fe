"""Plans and engines in other processes: what can be pickled and copied, and what says why not."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.errors import DeviceError, UnsupportedError
from glassrt.runtime import Engine, Plan, load
from glassrt.runtime.discovery import open_backend

from .tiny_engines import batch
from .tiny_plans import affine

COPIES = pytest.mark.parametrize(
    "copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy, copy.copy]
)


@COPIES
def test_a_plan(host_plan: Plan, copied: Callable[[Any], Any]) -> None:
    assert copied(host_plan) == host_plan


@COPIES
def test_an_engine(engine: Engine, copied: Callable[[Any], Any]) -> None:
    with copied(engine) as other:
        assert other is not engine and other.device == "host"
        np.testing.assert_array_equal(other.run({"x": batch(3)})["y"], affine(batch(3)))
    np.testing.assert_array_equal(engine.run({"x": batch(3)})["y"], affine(batch(3)))


def test_an_engine_in_another_process(engine: Engine) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        result = pool.apply(Engine.run, (engine, {"x": batch(3)}))
    np.testing.assert_array_equal(result["y"], affine(batch(3)))


@COPIES
def test_what_belongs_to_a_thread(engine: Engine, copied: Callable[[Any], Any]) -> None:
    context = engine.context()
    for one in (context, context.bind({"x": batch(4)})):
        with pytest.raises(UnsupportedError, match="pickle its engine instead"):
            copied(one)


def test_engines_that_cannot_be_made_again(host_plan: Plan) -> None:
    with pytest.raises(UnsupportedError, match=r"pickle engine\.plan"):
        pickle.dumps(Engine(host_plan, open_backend("host", None)))
    closed = load(host_plan, "host")
    closed.close()
    with pytest.raises(DeviceError, match="closed"):
        pickle.dumps(closed)
