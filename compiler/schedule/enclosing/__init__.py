"""Depthwise convolutions in one launch with the contractions before and behind them."""
