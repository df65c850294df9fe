"""Convolutions of few input channels and the pool behind them: maxima are taken of accumulators."""
