"""Data-flow analysis of which float32 values 16-bit floats cannot represent; see `docs/precision.md`."""
