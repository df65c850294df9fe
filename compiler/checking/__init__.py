"""Checks of a build against what its model means: every fusion on its own, the whole network, and
which decision of the compiler broke it."""
