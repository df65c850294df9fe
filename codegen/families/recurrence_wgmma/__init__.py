"""Recurrence over steps by wgmma: LSTM of many sequences, of which parts take turns."""
