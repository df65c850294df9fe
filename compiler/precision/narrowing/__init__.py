"""Which float32 values 16 bits cannot hold, and why: what `docs/precision.md` states as a rule."""
