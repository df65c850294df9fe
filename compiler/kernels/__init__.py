"""Which kernel family runs a kernel, and the members of a launch."""
