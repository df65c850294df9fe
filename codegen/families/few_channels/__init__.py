"""Convolutions of few input channels: tensor cores read windows of the image in shared memory."""
