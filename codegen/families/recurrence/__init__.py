"""Recurrence over steps: the weights of the state stay in the blocks of clusters, which exchange states."""
