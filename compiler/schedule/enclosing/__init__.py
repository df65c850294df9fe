"""Launches as one whose results between are not stored: depthwise convolutions with the contractions around
them, convolutions with the contractions behind them, attention with the writes of its caches."""
