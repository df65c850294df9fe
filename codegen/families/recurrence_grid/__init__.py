"""Recurrence of states that no cluster holds: the blocks of a grid exchange them through memory."""
