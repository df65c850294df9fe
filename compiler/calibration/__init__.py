"""Calibration: runs a network in fp32, records how large each of its tensors gets, and chooses the range
that each is given where it is stored in eight bits."""
