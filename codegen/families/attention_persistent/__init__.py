"""Attention of blocks that stay: a warp copies tiles in bulk (TMA), warpgroups multiply them (sm_90a)."""
