"""Persistent contractions: a warp stages tiles by bulk copies (TMA), warpgroups multiply them (sm_90a)."""
