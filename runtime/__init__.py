"""Loads plans and runs them. Needs numpy alone; the cuda device also needs cuda-bindings."""

from .context import Binding, Context
from .engine import Engine, load
from .plan import Plan

__all__ = ["Binding", "Context", "Engine", "Plan", "load"]
