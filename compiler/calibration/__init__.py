"""Calibration: runs a network in fp32, records a histogram of every tensor, and chooses the clip (the largest
magnitude that is represented) of each for storing it in eight bits."""
