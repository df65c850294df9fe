"""Options of searches by the command line."""

from __future__ import annotations

from ...places import DIGITS

HELD_OUT = DIGITS.with_name("digits_test.npz")


FEW = ("--shape", "N=1,30,64", "--batches", 1)


AUTO = ("-t", "host", "--precision", "auto", *FEW)
