"""Convolutions whose windows slide over a patch of the image in shared memory, by wgmma (sm_90a)."""
