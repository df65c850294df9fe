"""Calibration data: histograms, clips, tables, and scales read from Q/DQ models."""
