"""Sixty architectures that people run, exported, built and checked: `python -m examples.zoo`."""
