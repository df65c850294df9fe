"""Loops of models whose bodies are cells of LSTM, GRU or RNN, as the ops that they are."""
