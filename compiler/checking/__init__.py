"""Checks of a plan against a reference: every launch on its own, the whole network, and bisection of the
compiler's decisions where the result is wrong."""
