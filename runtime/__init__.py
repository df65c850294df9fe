"""Loads plans and runs them. Needs numpy alone; the cuda device also needs cuda-bindings."""

from .engine import Context, Engine, load
from .plan import Plan

__all__ = ["Context", "Engine", "Plan", "load"]
